import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allCommands } from '../src/commands/index.ts'
import { renderCommandReference } from '../src/reference.ts'
import { ended, run, start } from './run.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('help', () => {
  it('of every command shows what it takes, and an example', async () => {
    const commands = await allCommands()
    expect(commands.map(({ command }) => command)).toEqual([
      'network create',
      'network show',
      'network leave',
      'network root export',
      'network root import',
      'network root remove',
      'invite',
      'cert request',
      'cert sign',
      'cert import',
      'cert show',
      'cert renew',
      'cert rotate',
      'revoke',
      'join',
      'up',
      'down',
      'status',
      'serve',
      'unserve',
      'publish',
      'unpublish',
      'find',
      'peers',
      'wait',
      'top',
      'dial',
      'ping',
      'bench',
      'netcheck',
      'doctor',
      'forward',
      'proxy',
      'call',
      'nc',
      'policy check',
      'policy sign',
      'policy push',
      'policy show',
      'policy status',
      'whois',
      'why',
      'audit tail',
      'audit query',
      'completion',
      '__complete',
      'version'
    ])
    for (const one of commands) {
      const { code, stdout, stderr } = await run([...one.command.split(' '), '--help'])
      expect([code, stderr], one.command).toEqual([0, ''])
      expect(stdout).toContain(`Usage: mesh-node ${one.command}`)
      for (const { flags } of one.options ?? []) expect(stdout).toContain(flags)
      expect(stdout).toContain('--json')
      expect(stdout).toContain('--state-dir')
      expect(one.examples.length).toBeGreaterThan(0)
      for (const { command } of one.examples) expect(stdout).toContain(command)
    }
  })

  it('of the whole lists every command and the exit codes', async () => {
    const { code, stdout } = await run([])
    expect(code).toBe(0)
    for (const { command, isHidden = false } of await allCommands())
      expect(stdout.includes(`  ${command.split(' ')[0] ?? ''} `), command).toBe(!isHidden)
    expect(stdout).toContain('3 denied, 4 unreachable, 5 timeout')
  })

  it('and reference come from the same words', async () => {
    const commands = await allCommands()
    const reference = renderCommandReference(commands)
    for (const { command, options = [], examples, isHidden } of commands) {
      if (isHidden === true) continue
      expect(reference).toContain(`\n## ${command}\n`)
      for (const { flags } of options) expect(reference).toContain(`\`${flags}\``)
      for (const example of examples) expect(reference).toContain(example.command)
    }
  })
})

describe.concurrent('a wrong command line', () => {
  it.each([
    [['fnd', 'x'], "Unknown command 'fnd'. Did you mean find?"],
    [['network', 'shw'], "Unknown command 'shw'. Did you mean show?"],
    [['find', 'a', '--jsn'], "Unknown option '--jsn'. Did you mean --json?"],
    [['find'], "Missing required argument 'query'."],
    [['find', 'a', 'b'], 'Too many arguments'],
    [['find', 'a', '--limit', 'many'], '--limit is a whole number from 1 to 256, not "many"'],
    [['find', 'a', '--timeout', '5'], '--timeout is a duration with its unit'],
    [['invite', '--lifetime', '31d'], 'from 1m to 30d'],
    [['invite', '--uses', '0'], '--uses is a whole number from 1'],
    [['serve', 'web'], '"web" is not <name>=<address>.'],
    [['forward', '127.0.0.1:0'], 'A forward needs a local address and a target.'],
    [['nc', 'bob/web', 'ssh'], 'names a service already'],
    [['join', 'mesh1x'], 'A new member needs a name.'],
    [['network', 'create'], 'A network needs the name'],
    [['network'], 'A command is missing.']
  ])('%j is exit 2 and says why', async (words, why) => {
    const { code, stdout, stderr } = await run(words)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(why)
    expect(stderr).toMatch(/^mesh-node: .+\n {2}layer: .+\n {2}next: .+\n$/)
  })

  it('is one JSON line under --json', async () => {
    const { code, stdout, stderr } = await run(['find', '--json'])
    expect([code, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'USAGE', layer: 'usage', message: expect.any(String), hint: 'mesh-node find --help', details: {} }
    })
    expect(stderr.trimEnd()).not.toContain('\n')
  })
})

describe.concurrent('without a node', () => {
  it.each([
    ['status'],
    ['down'],
    ['peers'],
    ['invite'],
    ['find', 'a'],
    ['dial', 'bob'],
    ['ping', 'bob'],
    ['serve', 'web=http://127.0.0.1:1'],
    ['unserve', 'web'],
    ['publish', 'a'],
    ['unpublish', 'a'],
    ['forward', '127.0.0.1:0', 'bob/web'],
    ['forward', '--list'],
    ['nc', 'bob', 'ssh'],
    ['whois', '127.0.0.1:1']
  ])('%s %s %s is exit 4, names the directory and the way to start one', async (...words) => {
    const { code, stdout, stderr } = await run([...words, '--state-dir', folder])
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toBe(
      `mesh-node: No node runs on ${folder}.\n  layer: api (NO_DAEMON)\n  next: mesh-node up --state-dir ${folder}\n`
    )
  })

  it('and without a state directory nothing is made, and the way to a network is shown', async () => {
    const { code, stderr } = await run(['status', '--json', '--state-dir', join(folder, 'none')])
    expect(code).toBe(4)
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'NO_DAEMON', hint: expect.stringContaining('mesh-node network create') }
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('shows the next command for the directory that was typed', async () => {
    const other = await mkdtemp(join(tmpdir(), 'mesh-cli-'))
    const { code, stderr } = await run(['network', 'show', '--state-dir', other])
    await rm(other, { recursive: true })
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`mesh-node join <ticket> --name <name> --state-dir ${other}\n`)
    ])
  })

  it('takes the state directory from before the verb too', async () => {
    expect((await run(['--state-dir', folder, 'status'])).stderr).toContain(folder)
  })
})

describe('the version', () => {
  it.each([[['version']], [['--version']], [['-V']]])('is shown by %j', async (words) => {
    expect((await run(words)).stdout).toMatch(/^mesh-node \d+\.\d+\.\d+ on Node \d+/)
  })

  it('of a Node that is too old is told in words', async () => {
    const old =
      'data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.18.0" } })'
    const child = start(['status'], ['--import', old])
    child.stdin.end()
    expect(await ended(child)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Node 22.18.0 is too old; 22.19 or newer is needed')
    })
  })
})
