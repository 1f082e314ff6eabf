import { streamPair } from '@libp2p/utils'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepStreams } from '../../src/discovery/kept-streams.ts'
import type { PeerId, Stream } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'

const protocol = '/test/kad/1.0.0'
const keptMs = 200

let peer: PeerId
let locals: Stream[]
let remotes: Stream[]
let manager: ConnectionManager
const opened = vi.fn<() => Promise<Stream>>()

beforeEach(async () => {
  peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  locals = []
  remotes = []
  opened.mockReset()
  opened.mockImplementation(async () => {
    const [local, remote] = await streamPair({ protocol })
    // answers each message with itself, as long as it is open
    remote.addEventListener('message', ({ data }) => {
      if (remote.writeStatus === 'writable') remote.send(data)
    })
    remotes.push(remote)
    locals.push(local)
    return local
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one method that is used
  manager = keepStreams({ openStream: opened } as unknown as ConnectionManager, keptMs)
})
afterEach(() => {
  for (const remote of remotes) remote.abort(new Error('the test is over'))
})

const stillOpen = (): Stream[] => locals.filter(({ writeStatus }) => writeStatus === 'writable')

const open = async (): Promise<Stream> => manager.openStream(peer, protocol)

const ask = async (stream: Stream, text: string): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()))
  stream.send(Buffer.from(text))
  return promise
}

const request = async (text: string): Promise<string> => {
  const stream = await open()
  const answer = await ask(stream, text)
  await stream.close()
  return answer
}

describe('streams of the DHT', () => {
  it('carry one request after the other', async () => {
    for (const text of ['one', 'two', 'three']) expect(await request(text)).toBe(text)
    expect(opened).toHaveBeenCalledTimes(1)
  })

  it('carry one request at a time', async () => {
    const [first, second] = [await open(), await open()]
    expect(await ask(first, 'one')).toBe('one')
    expect(await ask(second, 'two')).toBe('two')
    expect(opened).toHaveBeenCalledTimes(2)
  })

  it('tell a request nothing of the one before it', async () => {
    const first = await open()
    const heard = vi.fn<() => void>()
    first.addEventListener('message', heard)
    expect(await ask(first, 'one')).toBe('one')
    await first.close()
    expect(await request('two')).toBe('two')
    expect(heard).toHaveBeenCalledTimes(1)
  })

  it('outlive what a request does that is over', async () => {
    const first = await open()
    await ask(first, 'one')
    await first.close()
    const second = await open()
    first.abort(new Error('too late'))
    await first.close()
    expect(await ask(second, 'two')).toBe('two')
    expect(opened).toHaveBeenCalledTimes(1)
  })

  it('end with a request that is given up', async () => {
    const stream = await open()
    stream.abort(new Error('enough is known'))
    expect(await request('two')).toBe('two')
    expect(opened).toHaveBeenCalledTimes(2)
  })

  it.each([
    { how: 'ended', end: (remote: Stream) => void remote.close() },
    { how: 'reset', end: (remote: Stream) => remote.abort(new Error('no time')) },
    { how: 'used unasked', end: (remote: Stream) => void remote.send(Buffer.from('look here')) }
  ])('are not used again once their other end was $how', async ({ end }) => {
    expect(await request('one')).toBe('one')
    for (const remote of remotes) end(remote)
    await vi.waitFor(() => expect(locals[0]?.status).not.toBe('open'))
    expect(await request('two')).toBe('two')
    expect(opened).toHaveBeenCalledTimes(2)
  })

  it('are kept for a while, and two of a peer', async () => {
    const streams = [await open(), await open(), await open()]
    for (const stream of streams) await ask(stream, 'one')
    for (const stream of streams) await stream.close()
    expect(stillOpen()).toHaveLength(2)
    await vi.waitFor(() => expect(stillOpen()).toHaveLength(0))
  })

  it('are another peer’s never', async () => {
    expect(await request('one')).toBe('one')
    const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    await manager.openStream(other, protocol)
    expect(opened).toHaveBeenCalledTimes(2)
  })
})
