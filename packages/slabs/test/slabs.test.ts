import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { own, readIntoSlabs, release, SlabPool } from '@agent-mesh/slabs'
import { SlabReader } from '../src/slab-reader.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** Two ends of one connection. */
const pair = async (): Promise<[Socket, Socket]> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const { port }: AddressInfo = Object(server.address())
  const near = connect(port, '127.0.0.1')
  const [far] = await accepted
  server.close()
  sockets.push(near, far)
  return [near, far]
}

const bytes = randomBytes(8 * 1024 * 1024)
const sha256 = (parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

it('this Node lets accepted and connecting sockets read into memory of their owner', async () => {
  for (const socket of await pair()) expect(readIntoSlabs(socket, () => true)).toBe(true)
})

it('what is given back is read into again, and everything arrives in its order', async () => {
  const [near, far] = await pair()
  readIntoSlabs(far, (reader) => far.push(reader.take()))
  const memory = new Set<ArrayBufferLike>()
  const hash = createHash('sha256')
  far.on('data', (chunk) => {
    memory.add(chunk.buffer)
    hash.update(chunk)
    release(chunk)
  })
  near.end(bytes)
  await once(far, 'end')
  expect(hash.digest('hex')).toBe(sha256([bytes]))
  // a small slab to begin with, then one large one; short reads are copied out
  const slabs = [...memory].filter(({ byteLength }) => byteLength >= 16 * 1024)
  expect(slabs.length).toBeLessThanOrEqual(4)
})

it('what nobody gives back is never written over, whether it is paused in between or not', async () => {
  const [near, far] = await pair()
  readIntoSlabs(far, (reader) => far.push(reader.take()))
  const kept: Buffer[] = []
  far.on('data', (chunk) => {
    kept.push(chunk)
    if (kept.length % 8 !== 0) return
    far.pause()
    setImmediate(() => far.resume())
  })
  near.end(bytes)
  await once(far, 'end')
  expect(sha256(kept)).toBe(sha256([bytes]))
})

it('a slab of which one byte is still lent is left alone; what was owned in time is not touched', async () => {
  const [near, far] = await pair()
  readIntoSlabs(far, (reader) => far.push(reader.take()))
  const kept: Buffer[] = []
  const owned: Uint8Array[] = []
  far.on('data', (chunk) => {
    owned.push(own(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length - 1)))
    kept.push(chunk.subarray(chunk.length - 1))
  })
  near.end(bytes)
  await once(far, 'end')
  expect(sha256(owned.flatMap((one, i) => [one, ...kept.slice(i, i + 1)]))).toBe(sha256([bytes]))
})

it('a reader that is closed by what it has read touches no memory any more', () => {
  const reader = new SlabReader()
  const before = reader.space.buffer
  reader.keep(16 * 1024)
  release(reader.take())
  reader.close()
  reader.turn()
  reader.close()
  expect(reader.space.buffer).not.toBe(before)
  const [one, other] = [new SlabReader(), new SlabReader()]
  expect(one.space.buffer).not.toBe(other.space.buffer)
})

it('a slab is free once, and never again where more was given back than was lent', () => {
  const pool = new SlabPool({ sizeBytes: 1_024, keep: 4 })
  const slab = pool.take()
  slab.retire()
  slab.retire()
  expect(pool.take()).toBe(slab)
  expect(pool.take()).not.toBe(slab)
  slab.lend(10)
  slab.takeBack(11)
  slab.lend(1)
  slab.retire()
  expect(slab.isLent).toBe(true)
  expect(pool.take()).not.toBe(slab)
})
