import { describe, expect, it } from 'vitest'
import { limits, SyncAnnouncement, SyncAnswer, SyncRequest, type SyncState } from '@agent-mesh/wire'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import {
  decodeAnnouncement,
  decodeAnswer,
  decodeDelivery,
  decodeRequest,
  encodeAnnouncement,
  encodeAnswer,
  encodeDelivery,
  encodeRefusal,
  encodeRequest,
  mostKinds
} from '../../src/replication/sync-message.ts'

const digest = new Uint8Array(32)
const stateOf = (kind: string): SyncState => ({ kind, digest, version: 3, ageMs: 0 })
const invalid = expect.objectContaining({ code: 'SYNC_INVALID' })

describe('an announcement', () => {
  it('comes back as it went, kinds of a newer version included', () => {
    const bytes = encodeAnnouncement([stateOf('policy'), stateOf('x-of-tomorrow')], 7)
    expect(decodeAnnouncement(bytes)).toMatchObject({
      timeMs: 7,
      states: [{ kind: 'policy' }, { kind: 'x-of-tomorrow' }]
    })
  })

  it('fits in a message of gossip with all its kinds', () => {
    const states = Array.from({ length: mostKinds }, (_, index) =>
      stateOf(`k${'x'.repeat(29)}${index + 10}`.slice(0, 32))
    )
    const longest = states.map((state) => ({
      ...state,
      version: Number.MAX_SAFE_INTEGER,
      ageMs: Number.MAX_SAFE_INTEGER
    }))
    expect(encodeAnnouncement(longest, Date.now()).length).toBeLessThanOrEqual(limits.gossipMessageBytes)
  })

  it.each([
    ['a digest of 31 bytes', [{ ...stateOf('policy'), digest: new Uint8Array(31) }]],
    ['no digest', [{ ...stateOf('policy'), digest: new Uint8Array() }]],
    ['no kind', [stateOf('')]],
    ['a kind of 33 letters', [stateOf('a'.repeat(33))]],
    ['a kind with control characters', [stateOf('a\u001b[2J')]],
    ['a kind twice', [stateOf('policy'), stateOf('policy')]],
    ['one kind too many', Array.from({ length: mostKinds + 1 }, (_, index) => stateOf(`k${index}`))]
  ])('is refused with %s', (_, states) => {
    expect(() => decodeAnnouncement(SyncAnnouncement.encode({ states, timeMs: 1 }))).toThrowError(invalid)
  })

  it('is refused one byte past the limit before it is looked at', () => {
    expect(() => decodeAnnouncement(new Uint8Array(limits.gossipMessageBytes + 1))).toThrowError(/4097 bytes/)
  })
})

describe('a request, an answer and a delivery', () => {
  it('are refused one byte past the limit', () => {
    const tooLong = new Uint8Array(limits.syncBytes + 1)
    expect(() => decodeRequest(tooLong)).toThrowError(invalid)
    expect(() => decodeAnswer(tooLong, 'policy')).toThrowError(invalid)
    expect(() => decodeDelivery(tooLong)).toThrowError(invalid)
  })

  it('are refused with an id that is no SHA-256, without a state, or about another kind', () => {
    const id = new Uint8Array(31)
    const state = stateOf('policy')
    const answer = { code: 0, reason: '', items: [], hasMore: false, wanted: [] }
    expect(() => decodeRequest(encodeRequest(state, [id]))).toThrowError(invalid)
    expect(() => decodeRequest(SyncRequest.encode({ held: [] }))).toThrowError(invalid)
    expect(() => decodeAnswer(SyncAnswer.encode({ ...answer, state, wanted: [id] }), 'policy')).toThrowError(invalid)
    expect(() => decodeAnswer(SyncAnswer.encode(answer), 'policy')).toThrowError(invalid)
    expect(() => decodeAnswer(SyncAnswer.encode({ ...answer, state }), 'revocations')).toThrowError(invalid)
  })

  it('carry the code of a refusal, and its words only as far as they may be shown', () => {
    const bytes = encodeRefusal('RATE_LIMITED', `\u001b[2J${'x'.repeat(1000)}`)
    expect(() => decodeAnswer(bytes, 'policy')).toThrowError(expect.objectContaining({ code: 'RATE_LIMITED' }))
    expect(() => decodeAnswer(bytes, 'policy')).toThrowError(/u\{1b\}/)
  })

  it(`end in one typed error or a message of the right shape, whatever is done to them (seed ${seed})`, () => {
    const random = seededRandom(seed)
    const state = stateOf('policy')
    const page = { items: [random.bytes(40)], wanted: [random.bytes(32)], hasMore: true }
    const readers: Array<[Uint8Array, (bytes: Uint8Array) => unknown]> = [
      [encodeAnnouncement([state, stateOf('set')], 5), decodeAnnouncement],
      [encodeRequest(state, [random.bytes(32)]), decodeRequest],
      [encodeAnswer(state, page), (bytes) => decodeAnswer(bytes, 'policy')],
      [encodeDelivery([random.bytes(40)]), decodeDelivery]
    ]
    for (let index = 0; index < cases / 10; index++) {
      for (const [bytes, read] of readers) {
        try {
          read(mutate(bytes, random))
        } catch (err) {
          expect(err).toMatchObject({ name: 'MeshError' })
        }
      }
    }
  })
})
