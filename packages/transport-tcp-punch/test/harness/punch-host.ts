/**
 * A host in a namespace: `punch-host.ts <IP address>` is a relay and observer, `punch-host.ts <relay> <other member>` an
 * agent that is reached through the first of the two.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify, type Identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import { isPunched, tcpObserver, tcpPunch, type TcpPunch } from '@agent-mesh/transport-tcp-punch'
import type { Connection, Stream } from '@libp2p/interface'

const [address = '', other] = process.argv.slice(2)
const isRelay = other === undefined
const observed = '/test/observed/1.0.0'
const echo = '/test/echo/1.0.0'

const host = await createLibp2p<{ punch: TcpPunch; identify: Identify; relay: unknown }>({
  addresses: { listen: [isRelay ? `/ip4/${address}/tcp/4001` : `${address}/p2p-circuit`] },
  transports: [tcp(), circuitRelayTransport()],
  connectionEncrypters: [nativeTls(), tcpObserver(observed)],
  streamMuxers: [yamux()],
  connectionManager: { inboundConnectionThreshold: 1_000 },
  connectionGater: { denyDialMultiaddr: () => false },
  services: {
    identify: identify(),
    punch: tcpPunch({ protocol: '/test/punch/1.0.0', observedProtocol: observed }),
    relay: isRelay ? circuitRelayServer({ reservations: { applyDefaultLimit: false } }) : () => undefined
  }
})
await host.handle(echo, (stream) => {
  stream.addEventListener('message', ({ data }) => stream.send(data))
  stream.addEventListener('remoteCloseWrite', () => void stream.close())
})

/** Sends bytes and says whether the same came back. */
const areEchoed = async (connection: Connection, sizeBytes: number): Promise<boolean> => {
  const stream: Stream = await connection.newStream(echo)
  const sent = randomBytes(sizeBytes)
  const hash = createHash('sha256')
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  stream.addEventListener('message', ({ data }) => {
    hash.update(data.subarray())
    seen += data.byteLength
    if (seen >= sizeBytes) resolve()
  })
  stream.addEventListener('close', () => resolve())
  stream.send(sent)
  await promise
  await stream.close()
  return hash.digest('hex') === createHash('sha256').update(sent).digest('hex')
}

/** Punches and, unless the connection is to stay, uses and closes it. */
const punch = async (relayedTo: string, keep: boolean): Promise<object> => {
  const target = multiaddr(relayedTo)
  const relayed = await host.dial(target, { force: true })
  const startedMs = performance.now()
  try {
    const connection = await host.services.punch.punch(relayed.remotePeer, {
      relayed,
      signal: AbortSignal.timeout(15_000)
    })
    const durationMs = Math.round(performance.now() - startedMs)
    const isExact = keep || (await areEchoed(connection, 200_000))
    const { direction, encryption } = connection
    const remoteAddr = connection.remoteAddr.toString()
    const result = {
      durationMs,
      isExact,
      isPunched: isPunched(connection.remoteAddr),
      direction,
      encryption,
      remoteAddr
    }
    if (!keep) await connection.close()
    return result
  } catch (err) {
    const durationMs = Math.round(performance.now() - startedMs)
    return { durationMs, error: String(err), code: err instanceof Error && 'code' in err ? err.code : undefined }
  }
}

if (!isRelay) await host.dial(multiaddr(other))
const own = `${isRelay ? `/ip4/${address}/tcp/4001` : `${address}/p2p-circuit`}/p2p/${host.peerId.toString()}`

for await (const line of createInterface({ input: process.stdin })) {
  const question: { punch?: string; keep?: string } = JSON.parse(line)
  const target = question.punch ?? question.keep
  const answer = target === undefined ? { address: own } : await punch(target, question.keep !== undefined)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
