import { createHash } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { createLibp2p, type Libp2p } from 'libp2p'
import { transport } from '../../src/host/transport.ts'
import type { Stream } from '@libp2p/interface'

const protocol = '/lazy/1.0.0'
/** In the header of a frame of yamux. */
const windowUpdate = 1

const hosts: Libp2p[] = []
afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.stop()))
})

const start = async (): Promise<Libp2p> => {
  const host = await createLibp2p({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }, ...transport() })
  hosts.push(host)
  return host
}

/** Frames that a stream sends from now on, by their type. */
const framesOf = (stream: Stream): number[] => {
  const types: number[] = []
  const sendFrame: unknown = Reflect.get(stream, 'sendFrame')
  if (typeof sendFrame !== 'function') throw new TypeError('yamux sends its frames elsewhere')
  Reflect.set(stream, 'sendFrame', (header: { type: number }, ...rest: unknown[]) => {
    types.push(header.type)
    Reflect.apply(sendFrame, stream, [header, ...rest])
  })
  return types
}

it('a reader says how much more it takes when half of the window is used, and everything arrives', async () => {
  const [a, b] = [await start(), await start()]
  const [address] = b.getMultiaddrs()
  if (address === undefined) throw new Error('b listens')
  const opened = Promise.withResolvers<{ stream: Stream; frames: number[] }>()
  const hash = createHash('sha256')
  const progress = { bytes: 0 }
  const done = Promise.withResolvers<undefined>()
  await b.handle(protocol, (stream) => {
    const frames = framesOf(stream)
    stream.addEventListener('message', ({ data }) => {
      const bytes = data.subarray()
      hash.update(bytes)
      progress.bytes += bytes.length
    })
    stream.addEventListener('remoteCloseWrite', () => done.resolve(undefined))
    opened.resolve({ stream, frames })
  })
  const stream = await a.dialProtocol(address, protocol)
  const sent = createHash('sha256')
  const send = async (sizeBytes: number, fill: number): Promise<void> => {
    const bytes = new Uint8Array(sizeBytes).fill(fill)
    sent.update(bytes)
    if (!stream.send(bytes)) await stream.onDrain({ signal: AbortSignal.timeout(20_000) })
  }
  const until = async (bytes: number): Promise<void> =>
    expect.poll(() => progress.bytes, { timeout: 20_000 }).toBe(bytes)

  for (let at = 0; at < 100; at++) await send(1024, at)
  await until(100 * 1024)
  const { frames } = await opened.promise
  expect(frames.filter((type) => type === windowUpdate).length).toBeLessThanOrEqual(1)

  for (let at = 0; at < 256; at++) await send(64 * 1024, at)
  await stream.close()
  await done.promise
  await until(100 * 1024 + 256 * 64 * 1024)
  expect(hash.digest('hex')).toBe(sent.digest('hex'))
  // more than the window at its widest went through
  expect(frames.filter((type) => type === windowUpdate).length).toBeGreaterThan(2)
})
