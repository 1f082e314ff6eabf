import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, it } from 'vitest'
import { FirstComparison } from '../../src/daemon/first-comparison.ts'
import type { AdmissionListener, Greeting, PolicyState } from '@agent-mesh/control-plane'
import type { Connection, PeerId, Stream } from '@libp2p/interface'

const newPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const [bob, carol] = [await newPeer(), await newPeer()]

let version: number
let state: PolicyState
let greetings: Map<string, { instanceId: string; policyVersion: number }>
let comparisons: Array<{ peer: PeerId; end: () => void; fail: () => void; signal: AbortSignal | undefined }>
let served: Stream[]
let tell: AdmissionListener
let first: FirstComparison

const streamOf = (): Stream => {
  const stream = {
    readStatus: 'readable',
    pause: () => (stream.readStatus = 'paused'),
    resume: () => (stream.readStatus = 'readable')
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is paused, resumed and handed on, nothing else
  return stream as unknown as Stream
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a connection only the peer is looked at
const connectionOf = (remotePeer: PeerId): Connection => ({ remotePeer }) as Connection

const open = (peer: PeerId): Stream => {
  const stream = streamOf()
  first.handler(stream, connectionOf(peer))
  return stream
}

const arrive = (peer: PeerId, policyVersion: number, instanceId = 'first'): void => {
  greetings.set(peer.toString(), { instanceId, policyVersion })
  tell('admit', peer, connectionOf(peer))
}

beforeEach(() => {
  version = 0
  state = 'none'
  greetings = new Map()
  comparisons = []
  served = []
  first = new FirstComparison({
    admission: {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest of a greeting is not looked at
      greeting: (peer) => greetings.get(peer.toString()) as Greeting | undefined,
      members: () => [],
      onChange: (listener) => {
        tell = listener
        return () => {}
      }
    },
    keeper: {
      version: () => version,
      get state() {
        return state
      }
    },
    replication: {
      syncWith: async (peer, { signal } = {}) => {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        comparisons.push({ peer, end: resolve, fail: () => reject(new Error('gone')), signal })
        return promise
      }
    },
    serve: (stream) => served.push(stream)
  })
  first.start()
})

describe('the first comparison', () => {
  it('is begun with who holds a policy, and tunnels of everybody wait for it where none is held here', async () => {
    arrive(bob, 3)
    arrive(carol, 0)
    expect(comparisons.map(({ peer }) => peer)).toEqual([bob])
    const streams = [open(bob), open(carol)]
    expect(streams.map(({ readStatus }) => readStatus)).toEqual(['paused', 'paused'])
    expect(served).toEqual([])
    version = 3
    comparisons[0]?.end()
    await expect.poll(() => served).toEqual(streams)
    expect(streams.map(({ readStatus }) => readStatus)).toEqual(['readable', 'readable'])
    expect(served).toContain(open(bob))
    expect(comparisons).toHaveLength(1)
  })

  it('is waited for by its own tunnels alone where a policy is held here', () => {
    version = 2
    state = 'held'
    arrive(bob, 3)
    open(bob)
    expect(served).toEqual([])
    expect([open(carol)]).toEqual(served)
  })

  it('that fails, or does not end in two seconds, keeps nobody out', async () => {
    arrive(bob, 3)
    const stream = open(bob)
    expect(comparisons[0]?.signal?.aborted).toBe(false)
    comparisons[0]?.fail()
    await expect.poll(() => served).toEqual([stream])
    // it still says so; another comparison would bring no more
    expect(served).toContain(open(bob))
    expect(comparisons).toHaveLength(1)
  })

  it('is begun once for each start of a member, and not where it holds nothing newer', () => {
    version = 3
    state = 'held'
    arrive(bob, 3)
    expect(comparisons).toHaveLength(0)
    arrive(bob, 4, 'second')
    arrive(bob, 4, 'second')
    expect(comparisons).toHaveLength(1)
    arrive(bob, 4, 'third')
    expect(comparisons).toHaveLength(2)
    expect(served).toContain(open(carol))
  })
})
