import { chmod, copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeTicket, encodeTicket } from '@agent-mesh/identity'
import { inviteResponse } from '@agent-mesh/wire/api'
import { limits } from '@agent-mesh/wire/limits'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { meshNodeJson } from '../e2e/harness/command.ts'
import { createMesh, createNetwork, joinAs, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { echoBytes, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { expectJsonRefusal, expectRefusal, fingerprint, type Refusal } from '../e2e/harness/refusal.ts'
import type { ErrorCode } from '@agent-mesh/wire/errors'

let scratch = ''
let mesh: Mesh<'alice' | 'bob'>

beforeAll(async () => {
  scratch = await makeScratchDir('bad-input')
  await createNetwork('dora', join(scratch, 'template'))
  mesh = await createMesh({ members: ['alice', 'bob'] })
})

let folders = 0

/** A state directory that belongs to a network and that no node runs on. */
const idle = async (): Promise<string> => {
  folders += 1
  const stateDir = join(scratch, `idle-${folders}`)
  await cp(join(scratch, 'template'), stateDir, { recursive: true })
  return stateDir
}

/** Refused on a state directory, with nothing in it changed. */
const refusedIntact = async (stateDir: string, args: readonly string[], code: ErrorCode): Promise<Refusal> => {
  const before = fingerprint(stateDir)
  const refusal = await expectRefusal(args, code, { stateDir })
  expect(fingerprint(stateDir)).toBe(before)
  return refusal
}

/** Refused by a running node, whose own settings stay as they are and who goes on. */
const refusedByNode = async (node: MeshProcess, args: readonly string[], code: ErrorCode): Promise<Refusal> => {
  const settings = async (): Promise<unknown> => {
    const { services, capabilities, forwards } = await node.status()
    const file: object = JSON.parse(await readFile(join(node.stateDir, 'state.json'), 'utf8'))
    // A record that is published again by itself has the next sequence number.
    return { services, capabilities, forwards, file: { ...file, sequence: 0 } }
  }
  const before = await settings()
  const refusal = await expectRefusal(args, code, { stateDir: node.stateDir })
  expect(await settings()).toEqual(before)
  return refusal
}

const up = ['up', '--listen', '/ip4/127.0.0.1/tcp/0']

describe('keys and state', () => {
  test('a key that others can read is refused, with the command that mends it', async () => {
    const stateDir = await idle()
    const key = join(stateDir, 'identity.key')
    await chmod(key, 0o644)
    const { message, hint } = await refusedIntact(stateDir, up, 'KEY_READABLE')
    expect(message).toContain(key)
    expect(hint).toBe(`chmod 600 ${key}`)
    await chmod(key, 0o600)
    const node = await MeshProcess.up(stateDir)
    expect(await node.stop()).toBe(0)
  })

  test.each([
    ['cut short', (key: string) => key.slice(0, 40)],
    ['empty', () => ''],
    ['one bit off', (key: string) => key.slice(0, 30) + (key[30] === 'A' ? 'B' : 'A') + key.slice(31)],
    ['of another kind', () => 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI nobody@nowhere\n']
  ])('a key that is %s is refused and named', async (_what, damage) => {
    const stateDir = await idle()
    const key = join(stateDir, 'identity.key')
    await writeFile(key, damage(await readFile(key, 'utf8')))
    expect((await refusedIntact(stateDir, up, 'KEY_DAMAGED')).message).toContain(key)
  })

  test('a key that is gone is not replaced by a new one', async () => {
    const stateDir = await idle()
    await rm(join(stateDir, 'identity.key'))
    await refusedIntact(stateDir, up, 'KEY_DAMAGED')
  })

  test('the key of another node is refused', async () => {
    const stateDir = await idle()
    await copyFile(join(mesh.bob.stateDir, 'identity.key'), join(stateDir, 'identity.key'))
    await refusedIntact(stateDir, up, 'KEY_FOREIGN')
  })

  test.each(['membership.json', 'state.json'])('a damaged %s is refused and named', async (name) => {
    const stateDir = await idle()
    const file = join(stateDir, name)
    await writeFile(file, '{"services": [')
    expect((await refusedIntact(stateDir, up, 'STATE_DAMAGED')).message).toContain(file)
  })

  test('a second node on one state directory is refused, and the first goes on', async () => {
    const { message } = await refusedByNode(mesh.bob, up, 'STATE_LOCKED')
    expect(message).toContain(String(mesh.bob.pid))
    expect((await mesh.bob.dial('alice')).peerId).toBe(mesh.alice.peerId)
  })

  test('a verb without a running node says how to start it', async () => {
    const { hint } = await refusedIntact(await idle(), ['status'], 'NO_DAEMON')
    expect(hint).toContain('mesh-node up')
  })

  test('a node without a network says how to get one', async () => {
    const { hint } = await expectRefusal(up, 'NO_NETWORK', { stateDir: join(scratch, 'nothing') })
    expect(hint).toMatch(/network create.*join/)
  })

  test('a second network on one state directory is refused', async () => {
    await refusedIntact(await idle(), ['network', 'create', '--name', 'eve'], 'NETWORK_EXISTS')
  })
})

const ticketOf = async (): Promise<string> => (await mesh.alice.json(inviteResponse, ['invite'])).ticket

/** A state directory that is not there yet. */
const newcomer = (name: string): string => join(scratch, name)

const joining = (ticket: string, name = 'eve'): string[] => ['join', ticket, '--name', name]

describe('tickets', () => {
  test.each([
    ['cut short', (ticket: string) => ticket.slice(0, -10)],
    [
      'changed in one letter',
      (ticket: string) => ticket.slice(0, 50) + (ticket[50] === 'x' ? 'y' : 'x') + ticket.slice(51)
    ],
    ['no ticket at all', () => 'hello']
  ])('one that is %s', async (_what, damage) => {
    await expectRefusal(joining(damage(await ticketOf())), 'TICKET_INVALID', { stateDir: newcomer('damaged') })
  })

  test('one that is past its time', async () => {
    const ticket = encodeTicket({
      ...decodeTicket(await ticketOf(), Date.now()),
      expiresMs: Date.now() - limits.clockToleranceMs - 60_000
    })
    await expectRefusal(joining(ticket), 'TICKET_EXPIRED', { stateDir: newcomer('expired') })
  })

  test('one that has been used', async () => {
    const ticket = await ticketOf()
    await meshNodeJson(z.unknown(), joining(ticket, 'frank'), { stateDir: newcomer('frank') })
    const { message } = await expectRefusal(joining(ticket), 'TICKET_USED', { stateDir: newcomer('reused') })
    expect(message).not.toBe('')
    // It is still the ticket of the one who used it, and a refused node may join with a good one.
    await joinAs(mesh.alice, 'grace', newcomer('reused'))
  })

  test('one whose issuer has forgotten it', async () => {
    const stateDir = newcomer('hank')
    await createNetwork('hank', stateDir)
    const first = await MeshProcess.up(stateDir)
    const { ticket } = await first.json(inviteResponse, ['invite'])
    await first.stop()
    await rm(join(stateDir, 'invites.json'))
    const second = await MeshProcess.up(stateDir)
    await expectRefusal(joining(ticket), 'TICKET_UNKNOWN', { stateDir: newcomer('forgotten') })
    await second.stop()
  })

  test('one whose issuer does not run', async () => {
    const stateDir = newcomer('ivan')
    await createNetwork('ivan', stateDir)
    const issuer = await MeshProcess.up(stateDir)
    const { ticket } = await issuer.json(inviteResponse, ['invite'])
    await issuer.stop()
    await expectRefusal(joining(ticket), 'UNREACHABLE', { stateDir: newcomer('unreachable') })
  })

  test('one of another network, for a node that has one', async () => {
    await refusedIntact(await idle(), joining(await ticketOf()), 'NETWORK_EXISTS')
  })

  test('a name that somebody has, and a name that nobody may have', async () => {
    await expectRefusal(joining(await ticketOf(), 'bob'), 'NAME_TAKEN', { stateDir: newcomer('second-bob') })
    await expectRefusal(joining(await ticketOf(), 'Bob!'), 'NAME_INVALID', { stateDir: newcomer('bad-name') })
  })
})

describe('services, capabilities and targets', () => {
  test('a service name that is taken', async () => {
    await mesh.alice.serve('web=http://127.0.0.1:9')
    const { hint } = await refusedByNode(mesh.alice, ['serve', 'web=http://127.0.0.1:10'], 'SERVICE_TAKEN')
    expect(hint).toMatch(/unserve|--replace/)
  })

  test.each([
    ['serve', 'web2=ftp://127.0.0.1:21', 'SERVICE_INVALID'],
    ['serve', 'web2=http://127.0.0.1:99999', 'SERVICE_INVALID'],
    ['serve', 'Web=http://127.0.0.1:80', 'NAME_INVALID'],
    ['publish', 'Language Processing', 'CAPABILITY_INVALID'],
    ['find', 'language//translation', 'CAPABILITY_INVALID'],
    ['dial', 'bob/', 'TARGET_INVALID'],
    ['dial', 'bobby', 'NAME_UNKNOWN'],
    ['unserve', 'nothing', 'SERVICE_UNKNOWN']
  ] as const)('%s %s', async (verb, argument, code) => {
    await refusedByNode(mesh.alice, [verb, argument], code)
  })

  test('a service that the agent does not have', async () => {
    const { message } = await refusedByNode(mesh.bob, ['nc', 'alice', 'nothing'], 'SERVICE_UNKNOWN')
    expect(message).toContain('nothing')
  })

  test('a peer that nobody knows', async () => {
    const { peerId: stranger } = await createNetwork('stranger', newcomer('stranger'))
    const { message } = await refusedByNode(mesh.bob, ['dial', stranger], 'PEER_UNKNOWN')
    expect(message).toContain(stranger)
  })

  test('a service whose server is down', async () => {
    await mesh.alice.serve('down=tcp://127.0.0.1:1')
    const { message } = await refusedByNode(mesh.bob, ['nc', 'alice', 'down'], 'UPSTREAM_REFUSED')
    expect(message).toBe('Service "down" does not accept connections.')
  })

  test('a capability that is one letter off gets "did you mean", from find and from publish', async () => {
    await mesh.alice.serve('near=http://127.0.0.1:9', 'language_processing/translation')
    const found = await meshNodeJson(
      z.object({ candidates: z.array(z.unknown()), suggestions: z.array(z.string()) }),
      ['find', 'language_processing/translaton'],
      { stateDir: mesh.bob.stateDir }
    )
    expect(found).toEqual({ candidates: [], suggestions: ['language_processing/translation'] })
    const published = await mesh.bob.json(z.object({ suggestions: z.array(z.string()) }), [
      'publish',
      'language_processing/translaton'
    ])
    expect(published.suggestions).toEqual(['language_processing/translation'])
    await mesh.bob.json(z.unknown(), ['unpublish', 'language_processing/translaton'])
  })

  test('a capability that the taxonomy does not know is refused, with the one that was meant', async () => {
    const stateDir = await idle()
    const taxonomy = join(scratch, 'taxonomy.txt')
    const config = join(scratch, 'taxonomy.yaml')
    await writeFile(taxonomy, '# all there is\nlanguage_processing/translation\nvision/ocr\n')
    await writeFile(config, `discovery:\n  taxonomy: ${taxonomy}\n`)
    const node = await MeshProcess.up(stateDir, { args: ['--config', config] })
    const { message, hint } = await refusedByNode(node, ['publish', 'vision/orc'], 'CAPABILITY_UNKNOWN')
    expect(`${message} ${hint}`).toContain('vision/ocr')
    await node.stop()
  })
})

describe('ports and configuration', () => {
  test('a local address that is in use', async () => {
    const { port } = await startTcpOrigin('occupant', echoBytes)
    const { message } = await refusedByNode(mesh.bob, ['forward', `127.0.0.1:${port}`, 'alice/web'], 'ADDRESS_IN_USE')
    expect(message).toContain(String(port))
    const stateDir = await idle()
    const listen = ['up', '--listen', `/ip4/127.0.0.1/tcp/${port}`]
    expect((await expectRefusal(listen, 'ADDRESS_IN_USE', { stateDir })).message).toContain(String(port))
    const node = await MeshProcess.up(stateDir)
    expect(await node.stop()).toBe(0)
  })

  test('a local address that is none', async () => {
    await refusedByNode(mesh.bob, ['forward', 'localhost', 'alice/web'], 'ADDRESS_INVALID')
  })

  test.each([
    ['an unknown key', 'log:\n  level: info\nlisten_on: 1\n', 'line 3', 'listen'],
    ['an unknown key below another', 'discovery:\n  lokup_timeout: 10s\n', 'line 2', 'did you mean lookup_timeout'],
    ['a duration without its unit', 'discovery:\n  lookup_timeout: 5\n', 'line 2', '5s'],
    ['a value of the wrong kind', 'connections:\n  most: many\n', 'line 2', 'connections.most'],
    ['broken YAML', 'listen: [\n', 'line 2', '']
  ])('%s in the configuration is named with its line', async (_what, yaml, line, suggestion) => {
    const config = join(scratch, 'mesh.yaml')
    await writeFile(config, yaml)
    const { message } = await refusedIntact(await idle(), ['up', '--config', config], 'CONFIG_INVALID')
    expect(message).toContain(`${config}, ${line}`)
    expect(message).toContain(suggestion)
  })

  test('a verb or an option that is mistyped gets a suggestion', async () => {
    const stateDir = await idle()
    expect((await refusedIntact(stateDir, ['statsu'], 'USAGE')).message).toContain('status')
    expect((await refusedIntact(stateDir, ['status', '--jsno'], 'USAGE')).message).toContain('--json')
    expect((await refusedIntact(stateDir, ['find'], 'USAGE')).hint).toContain('find --help')
  })
})

test('programs are told the same as people, in one document', async () => {
  const options = { stateDir: mesh.bob.stateDir }
  for (const [args, code] of [
    [['dial', 'bobby'], 'NAME_UNKNOWN'],
    [['nc', 'alice', 'nothing'], 'SERVICE_UNKNOWN'],
    [['statsu'], 'USAGE'],
    [up, 'STATE_LOCKED']
  ] as const) {
    expect(await expectJsonRefusal(args, code, options)).toEqual(await expectRefusal(args, code, options))
  }
})
