import { afterEach, expect, it } from 'vitest'
import { createLibp2p, type Libp2p } from 'libp2p'
import { transport } from '../../src/host/transport.ts'
import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'

const protocol = '/eager/1.0.0'

const hosts: Libp2p[] = []
afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.stop()))
})

const start = async (): Promise<Libp2p> => {
  const host = await createLibp2p({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }, ...transport() })
  hosts.push(host)
  return host
}

const connect = async (): Promise<{ near: Connection; far: Libp2p }> => {
  const [a, far] = [await start(), await start()]
  const [address] = far.getMultiaddrs()
  if (address === undefined) throw new Error('it listens nowhere')
  return { near: await a.dial(address), far }
}

/** Answers each message with the number of its bytes, after `+`. */
const count = async (far: Libp2p): Promise<void> =>
  far.handle(protocol, (stream) => {
    stream.addEventListener('message', ({ data }) => {
      stream.send(new TextEncoder().encode(`+${data.byteLength}`))
    })
  })

const textOf = (stream: Stream): { text: () => string } => {
  const parts: string[] = []
  stream.addEventListener('message', ({ data }) => parts.push(new TextDecoder().decode(data.subarray())))
  return { text: () => parts.join('') }
}

const open = async (near: Connection, id = protocol): Promise<Stream> =>
  near.newStream(id, { signal: AbortSignal.timeout(20_000), negotiateFully: false })

it('a stream may be used before its peer has said anything, and what it said of the protocol is taken off', async () => {
  const { near, far } = await connect()
  await count(far)
  const heard: unknown[] = []
  const onMessage = (): unknown => heard.push('something')
  const wire: unknown = Reflect.get(Object(near), 'maConn')
  if (!(wire instanceof EventTarget)) throw new TypeError('the bytes of a connection are read elsewhere')
  await near.newStream('/other/1.0.0', { signal: AbortSignal.timeout(20_000) }).catch(() => undefined)
  wire.addEventListener('message', onMessage)
  const stream = await open(near)
  expect([stream.protocol, heard]).toEqual([protocol, []])
  const said = textOf(stream)
  stream.send(new Uint8Array(7))
  await expect.poll(said.text, { timeout: 20_000 }).toBe('+7')
  stream.send(new Uint8Array(8))
  await expect.poll(said.text, { timeout: 20_000 }).toBe('+7+8')
})

it('the answer may come byte by byte', async () => {
  const { near, far } = await connect()
  await count(far)
  const stream = await open(near)
  const { onData } = Object(stream)
  Object(stream).onData = (data: StreamMessageEvent['data']) => {
    for (const byte of data.subarray()) Reflect.apply(onData, stream, [Uint8Array.of(byte)])
  }
  const said = textOf(stream)
  stream.send(new Uint8Array(300))
  await expect.poll(said.text, { timeout: 20_000 }).toBe('+300')
})

it('a peer that does not speak the protocol ends the stream with that reason', async () => {
  const { near } = await connect()
  const stream = await open(near, '/nobody/1.0.0')
  const ended = Promise.withResolvers<Error | undefined>()
  stream.addEventListener('close', ({ error }) => ended.resolve(error))
  stream.send(new Uint8Array(7))
  await expect(ended.promise).resolves.toMatchObject({ name: 'UnsupportedProtocolError' })
})

it('a stream that is negotiated first is as libp2p makes it', async () => {
  const { near, far } = await connect()
  await count(far)
  const stream = await near.newStream(protocol, { signal: AbortSignal.timeout(20_000) })
  const said = textOf(stream)
  stream.send(new Uint8Array(9))
  await expect.poll(said.text, { timeout: 20_000 }).toBe('+9')
  await expect(near.newStream('/nobody/1.0.0', { signal: AbortSignal.timeout(20_000) })).rejects.toMatchObject({
    name: 'UnsupportedProtocolError'
  })
})
