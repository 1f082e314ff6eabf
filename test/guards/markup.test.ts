/**
 * Text from other members acts on nothing: whatever a hostile member puts into its addresses, its refusals, its
 * revocations and its policy arrives escaped and capped in the output of every verb, in the log, the audit log, the event
 * stream, the local API and the metrics.
 *
 * A real node (alice) with two members that are hostile: mallory, a real node whose announced address and whose policy
 * carry escape sequences, and eve, a bare host that refuses tunnels with 100 KB of them.
 */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { issueCertificate, loadKey, networkIdOf } from '@agent-mesh/identity'
import { stateFiles } from '@agent-mesh/node'
import { createHost, createMesh, type MeshMember, type TestHost, type TestMesh } from '@agent-mesh/testkit'
import { protocols, toWireCode, TunnelAnswer } from '@agent-mesh/wire'
import { multiaddr } from '@multiformats/multiaddr'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { meshNode, meshNodeBin, start } from '../e2e/harness/command.ts'

/** Clears the screen, sets a title, turns the reading direction, adds lines, and is C1, zero-width and line-separating. */
const evilBy = (author: string): string =>
  `\u001B[2J\u001B]0;by-${author}\u0007\u202Egnp.exe\r\nfake line\u009B31m\u200B\u2028<b>&amp;\uFEFF`
const [evil, byEve, byMallory] = [evilBy('me'), evilBy('eve'), evilBy('mallory')]
/** YAML takes no control characters; the rest it does. */
const inComment = Array.from(byMallory)
  .filter((character) => character >= ' ' && character !== '\u009B')
  .join('')
const invisible = /[\p{C}\p{Zl}\p{Zp}]/u
/** Longest line of text that any verb may make of what a member says. */
const mostLine = 4_000
/** A line of JSON carries a whole document; no field of it is unbounded. */
const mostJson = 64 * 1024

let mesh: TestMesh
let alice: MeshMember
let mallory: MeshMember
let eve: TestHost

const frame = (message: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(message.length < 128 ? 1 : message.length < 16_384 ? 2 : 3)
  for (let index = 0, rest = message.length; index < header.length; index++, rest >>>= 7)
    header[index] = (rest & 127) | (index < header.length - 1 ? 128 : 0)
  return Buffer.concat([header, message])
}

/** Refuses every tunnel with as much text as its answer may have. */
const refuseLoudly = (reason: string): Uint8Array =>
  frame(
    TunnelAnswer.encode({
      code: toWireCode('DENIED'),
      reason,
      metadata: [
        { key: 'layer', value: new TextEncoder().encode(byEve) },
        { key: 'rule', value: new TextEncoder().encode(byEve.repeat(20)) }
      ]
    })
  )

const startEve = async (): Promise<TestHost> => {
  const rootKey = await loadKey(stateFiles(alice.directory.path).rootKey)
  if (rootKey === undefined) throw new Error('alice made the network')
  const privateKey = await generateKeyPair('Ed25519')
  const networkKey = rootKey.publicKey
  const networkId = networkIdOf(networkKey)
  const peerId = peerIdFromPrivateKey(privateKey)
  const leaf = await issueCertificate({ networkKey, peerId, name: 'eve', notBeforeMs: Date.now() }, rootKey)
  const host = await createHost({
    network: { networkId, networkKey },
    member: { privateKey, chain: [leaf] },
    admission: { agent: byEve.repeat(100) },
    libp2p: { nodeInfo: { userAgent: byEve.repeat(100) } }
  })
  let calls = 0
  await host.libp2p.handle(
    protocols(networkId).tunnel,
    (stream) => {
      // In turns: as much as an answer may have, and more than that.
      calls++
      stream.send(refuseLoudly(byEve.repeat(calls % 2 === 1 ? 100 : 2_000)))
    },
    { maxInboundStreams: 100 }
  )
  const [address] = alice.node.ready.addresses
  if (address === undefined) throw new Error('alice listens')
  await host.libp2p.dial(multiaddr(address))
  return host
}

beforeAll(async () => {
  mesh = await createMesh(['alice'])
  alice = mesh.members[0] ?? (await mesh.add('never'))
  mallory = await mesh.add('mallory', { groups: ['admin'], capabilities: ['x-evil/thing'] })
  await mallory.restart({ announce: [`/dns4/${encodeURIComponent('evil')}${byMallory}/tcp/1`] })
  eve = await startEve()
  await vi.waitFor(async () => expect((await alice.connected()).length).toBe(2), { timeout: 20_000 })
  await mallory.node.pushPolicy({
    file: byMallory,
    source: `# ${inComment}\ngrants:\n  - from: [mallory]\n    to: [alice]\n    services: [web]\n`
  })
  await vi.waitFor(async () => expect(alice.node.policy().version).toBe(1), { timeout: 20_000 })
  await mallory.node
    .revoke({ who: '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ', reason: byMallory })
    .catch(() => {})
  await alice.node.addForward({ listen: '127.0.0.1:0', target: `${eve.libp2p.peerId.toString()}/web` })
})

afterAll(async () => {
  await eve?.stop()
  await mesh?.close()
})

const check = (what: string, output: string, most: number): void => {
  for (const line of output.split('\n')) {
    const found = invisible.exec(line.replaceAll('\t', ' '))
    expect(found, `${what} shows ${JSON.stringify(found?.[0])} in ${JSON.stringify(line.slice(0, 500))}`).toBeNull()
    expect(line.length, `${what} has a line of ${line.length} characters`).toBeLessThanOrEqual(most)
  }
}

const eveId = (): string => eve.libp2p.peerId.toString()

const verbs = (): string[][] => [
  ['status'],
  ['peers'],
  ['top', '--interval', '100ms'],
  ['find', 'x-evil'],
  ['find', 'mallory'],
  ['find', 'eve'],
  ['find', `no/${evil}`],
  ['why', 'mallory/web'],
  ['why', `${eveId()}/web`],
  ['why', evil],
  ['dial', 'eve'],
  ['dial', evil],
  ['dial', 'mallory'],
  ['ping', eveId(), '-c', '1'],
  ['nc', eveId(), 'web'],
  ['nc', eveId(), 'web'],
  ['call', eveId(), '--explain'],
  ['call', `${eveId()}/web`, '/', '-i', '--explain'],
  ['call', evil],
  ['call', 'eve', evil],
  ['forward', '--list'],
  ['forward', '--remove', evil],
  ['whois', evil],
  ['policy', 'show'],
  ['policy', 'status'],
  ['policy', 'check', evil],
  ['revoke', '--list'],
  ['revoke', evil],
  ['audit', 'tail', '-n', '1000'],
  ['audit', 'query'],
  ['audit', 'query', '--kind', evil],
  ['network', 'show'],
  ['wait', '--for', `service:${eveId()}/web`, '--timeout', '2500ms'],
  ['wait', '--for', `peer:${evil}`, '--timeout', '300ms'],
  ['wait', '--for', evil],
  ['serve', `${evil}=${evil}`],
  ['serve', `web=${evil}`],
  ['unserve', evil],
  ['publish', evil],
  ['unpublish', evil],
  ['invite', '--groups', evil],
  ['join', evil, '--name', evil],
  ['cert', 'sign', evil],
  ['completion', evil],
  ['__complete', `mesh-node ping ${evil}`],
  ['__complete', 'mesh-node dial '],
  [evil],
  ['find', `--${evil}`]
]

describe('what a hostile member says', () => {
  it('acts on no terminal, whatever verb shows it', async () => {
    const { listen } = alice.node.forwards()[0] ?? { listen: '' }
    const socket = connect(Number(listen.split(':').at(-1)), '127.0.0.1')
    await new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
    const stateDir = alice.directory.path
    let seen = ''
    const show = async (words: string[], most: number): Promise<void> => {
      const { stdout, stderr } = await meshNode(words, { stateDir, timeoutMs: 60_000 })
      check(`mesh-node ${JSON.stringify(words)}`, `${stdout}${stderr}`, most)
      seen += stdout + stderr
    }
    for (const words of verbs()) await Promise.all([show(words, mostLine), show([...words, '--json'], mostJson)])
    // It was there to be shown.
    for (const trace of ['by-me', 'by-eve', 'by-mallory', 'gnp.exe', 'fake line']) expect(seen).toContain(trace)
  })

  it('acts on no reader of events, of the local API, of the audit log or of the metrics', async () => {
    const { api } = alice.node.ready
    const get = async (path: string): Promise<string> => {
      const outgoing = request({ socketPath: api, path, agent: false }).end()
      const [response] = await once(outgoing, 'response')
      return text(response)
    }
    for (const path of ['/v1/status', '/v1/peers', '/v1/forwards', '/v1/policy', '/v1/revocations', '/v1/vocabulary'])
      check(path, await get(path), 256 * 1024)
    const metrics = await get('/metrics')
    check('/metrics', metrics, 1_000)
    expect(metrics).not.toMatch(/by-eve|by-mallory|gnp|fake line/)
    const following = request({ socketPath: api, path: '/v1/events', agent: false }).end()
    const [events] = await once(following, 'response')
    onTestFinished(() => void events.destroy())
    let streamed = ''
    events.setEncoding('utf8').on('data', (part: string) => {
      streamed += part
    })
    await vi.waitFor(async () => {
      await alice.node.connect(`${eveId()}/web`, { signal: AbortSignal.timeout(5_000) }).catch(() => {})
      const socket = connect(Number(alice.node.forwards()[0]?.listen.split(':').at(-1)), '127.0.0.1')
      await new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
      expect(streamed).toContain('forward:failed')
    }, 20_000)
    check('the event stream', streamed, mostJson)
    expect(streamed).toContain('by-eve')
  })

  it('acts on no reader of the log', async () => {
    await alice.stop()
    const child = start(
      process.execPath,
      [meshNodeBin, 'up', '--listen', '/ip4/127.0.0.1/tcp/0', '--log-level', 'trace', '--json'],
      { stateDir: alice.directory.path }
    )
    let log = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (part: string) => {
        log += part
      })
    const ended = once(child, 'close')
    try {
      await vi.waitFor(() => expect(log).toContain('"event":"ready"'), 30_000)
      await meshNode(['serve', 'log=tcp://127.0.0.1:1'], { stateDir: alice.directory.path })
      await vi.waitFor(() => expect(log).toContain('service:served'), 20_000)
    } finally {
      child.kill('SIGTERM')
      await ended
    }
    check('the log', log, mostJson)
  })
})
