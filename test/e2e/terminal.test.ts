import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { meshNodeBin, run } from './harness/command.ts'
import { createMesh, type Mesh } from './harness/mesh.ts'
import { echoBytes, startTcpOrigin } from './harness/origins/tcp-origin.ts'
import { Terminal, withoutTerminals } from './harness/terminal.ts'

let mesh: Mesh<'alice' | 'bob'>

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
  const origin = await startTcpOrigin('alice', echoBytes)
  await mesh.alice.serve(`web=tcp://127.0.0.1:${origin.port}`, 'language_processing/translation')
  await vi.waitFor(async () => expect(await mesh.bob.find('language_processing')).toHaveLength(1), 20_000)
})

const enter = '\u001B[?1049h'
const leave = '\u001B[?1049l'

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

const top = async (size: readonly [number, number] = [120, 20]): Promise<Terminal> => {
  const terminal = new Terminal([process.execPath, meshNodeBin, 'top', '--interval', '100ms'], size, {
    stateDir: mesh.bob.stateDir
  })
  await vi.waitFor(() => expect(terminal.output).toMatch(/alice +(?:connected|alive)/), { timeout: 20_000 })
  return terminal
}

/** The screen as it was drawn last, line by line. */
const lastScreen = ({ output }: Terminal): string[] => {
  const drawn = output.slice(0, output.includes(leave) ? output.indexOf(leave) : undefined).split('\u001B[H')
  return stripVTControlCharacters(drawn.at(-2) ?? '').split(/\r*\n/)
}

const restored = (terminal: Terminal): void => {
  const after = terminal.output.slice(terminal.output.indexOf(leave))
  expect(terminal.output.split(enter)).toHaveLength(2)
  expect(terminal.output).toContain('\u001B[?25h')
  expect(after).toMatch(/[^-]icanon/)
  expect(after).toMatch(/[^-]echo\b/)
}

describe.skipIf(withoutTerminals !== undefined)(`top at a terminal${withoutTerminals ?? ''}`, () => {
  it('shows the members until q, and gives the terminal back', async () => {
    const terminal = await top()
    expect(terminal.output).toContain(enter)
    terminal.type('n')
    terminal.type('q')
    expect(await terminal.end()).toBe(0)
    restored(terminal)
  })

  it('fits the terminal when that gets smaller', async () => {
    const terminal = await top()
    terminal.resize(40, 8)
    await vi.waitFor(() => {
      const screen = lastScreen(terminal)
      expect(screen.length).toBeLessThanOrEqual(8)
      expect(Math.max(...screen.map((line) => line.length))).toBeLessThanOrEqual(40)
      expect(screen.join('')).toContain('alice')
    }, 10_000)
    terminal.type('\u0003')
    expect(await terminal.end()).toBe(0)
    restored(terminal)
  })

  it('gives the terminal back when a signal ends it', async () => {
    const terminal = await top()
    for (const pid of childrenOf(terminal.pid)) process.kill(pid, 'SIGTERM')
    expect(await terminal.end()).toBe(0)
    restored(terminal)
  })

  it('prints once where its output is no terminal', async () => {
    const { code, stdout } = await mesh.bob.run(['top', '--interval', '100ms'])
    expect(code).toBe(0)
    expect(stdout).not.toContain('\u001B')
    expect(stdout).toMatch(/^bob 12D3\w+ in \w+, version /)
    expect(stdout).toMatch(/\nalice +(?:connected|alive) +.+ local /)
  })
})

/** What bash offers for a line, as if Tab was pressed at its end. */
const tab = async (line: string, script: string, stateDir: string): Promise<string[]> => {
  const driver = `${script}
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_LINE=$1; COMP_POINT=\${#1}
read -ra COMP_WORDS <<< "$COMP_LINE"
mesh-node() { command "$NODE" "$BIN" "$@"; }
_mesh_node
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = await run('bash', ['--norc', '-c', driver, 'bash', line], {
    stateDir,
    env: { NODE: process.execPath, BIN: meshNodeBin }
  })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((word) => word !== '')
}

describe('completion in bash', () => {
  it('offers verbs, and the names, services and capabilities that the node knows', async () => {
    const { stateDir } = mesh.bob
    const { stdout: script } = await mesh.bob.run(['completion', 'bash'])
    expect(await tab('mesh-node pe', script, stateDir)).toEqual(['peers'])
    expect(await tab('mesh-node ping a', script, stateDir)).toEqual(['alice'])
    expect(await tab('mesh-node nc alice/', script, stateDir)).toEqual(['alice/web'])
    expect(await tab('mesh-node find lang', script, stateDir)).toEqual([
      'language_processing',
      'language_processing/translation'
    ])
    // Bash completes what comes after the colon.
    expect(await tab('mesh-node dial cap:lang', script, stateDir)).toEqual([
      'language_processing',
      'language_processing/translation'
    ])
    expect(await tab('mesh-node wait --for peer:', script, stateDir)).toEqual(['alice'])
  })

  it('says nothing where no node runs', async () => {
    const { stdout: script } = await mesh.bob.run(['completion', 'bash'])
    expect(await tab('mesh-node ping a', script, '/nonexistent')).toEqual([])
  })
})

describe('wait', () => {
  it('sees what another member offers from then on', async () => {
    const waiting = mesh.bob.run(['wait', '--for', 'capability:x-test/late', '--timeout', '30s', '--json'])
    await mesh.alice.run(['publish', 'x-test/late', '--service', 'web'])
    const { code, stdout } = await waiting
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ capability: 'x-test/late', name: 'alice' })
    expect((await mesh.bob.run(['wait', '--for', 'service:alice/web', '--timeout', '20s'])).code).toBe(0)
  })
})
