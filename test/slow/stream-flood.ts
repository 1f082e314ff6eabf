/**
 * A program of its own, so that its work is not the measuring program's: a libp2p host that opens streams to a node of
 * 127.0.0.1 as fast as it is told, in one of several rude ways, until it is killed. Prints after every hundred how many
 * it has opened.
 *
 *   node stream-flood.ts STATE_DIR ADDRESS WAY PER_SECOND
 *
 * The state directory says which member it is; a stranger takes no more than the network from it.
 */
import { multiaddr } from '@multiformats/multiaddr'
import { loadKey, networkIdOf, parseNetworkKey } from '@agent-mesh/identity'
import { stateFiles } from '@agent-mesh/node'
import { createHost, createStranger } from '@agent-mesh/testkit'
import { protocols } from '@agent-mesh/wire'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'

/** As many as the other side lets anybody have, and more. */
const mostStreams = 100_000

const [stateDir = '', address = '', way = '', perSecond = ''] = process.argv.slice(2)
const files = stateFiles(stateDir)
const document = await files.membership.read()
const privateKey = await loadKey(files.identityKey)
if (document === undefined || privateKey === undefined) throw new Error(`${stateDir} holds no member`)
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
const networkKey = parseNetworkKey(fromBase64(document.networkKey))
const network = { networkKey, networkId: networkIdOf(networkKey) }
const { tunnel } = protocols(network.networkId)

const ways: Readonly<Record<string, (stream: Stream) => void>> = {
  /** Never says which service it wants. */
  silent: () => {},
  /** Leaves as soon as it is there. */
  reset: (stream) => {
    stream.abort(new Error('rude'))
  },
  /** A stranger: its streams wait for a hello that never comes. */
  stranger: () => {}
}
const behave = ways[way]
if (behave === undefined) throw new Error(`no such way: ${way}`)

const startHost = async (): Promise<Libp2p> => {
  if (way === 'stranger') return (await createStranger({ network })).libp2p
  const member = {
    privateKey,
    chain: document.chain.map(fromBase64)
  }
  return (await createHost({ network, member })).libp2p
}
const host = await startHost()

let connection: Connection | undefined
let dialling: Promise<Connection> | undefined
let opened = 0
const connect = async (): Promise<Connection> => {
  if (connection?.status === 'open') return connection
  dialling ??= host.dial(multiaddr(address)).finally(() => (dialling = undefined))
  connection = await dialling
  return connection
}

const openOne = async (): Promise<void> => {
  const current = await connect()
  const stream = await current.newStream(tunnel, {
    maxOutboundStreams: mostStreams,
    signal: AbortSignal.timeout(2_000)
  })
  stream.addEventListener('close', () => {})
  behave(stream)
}

const everyMs = 20
let due = 0

await connect()
process.stdout.write('0\n')
setInterval(() => {
  for (due += (Number(perSecond) * everyMs) / 1000; due >= 1; due--) {
    // A stream that is refused was opened as well: the other side had the work.
    openOne().catch(() => {})
    opened += 1
    if (opened % 100 === 0) process.stdout.write(`${opened}\n`)
  }
}, everyMs)
