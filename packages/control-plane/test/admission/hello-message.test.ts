import { describe, expect, it } from 'vitest'
import { createTestNetwork, seededRandom } from '@agent-mesh/testkit'
import { HelloRequest, limits, MeshError } from '@agent-mesh/wire'
import {
  checkHello,
  decodeAck,
  decodeAnswer,
  decodeHello,
  encodeAck,
  encodeAnswer,
  encodeRefusal,
  helloOf
} from '../../src/admission/hello-message.ts'
import { bend } from './bend.ts'

const cases = 100_000
const seed = Number(process.env['SEED'] ?? Date.now())

const setUp = async () => {
  const network = await createTestNetwork()
  const member = await network.member('alice')
  const self = {
    chain: member.chain,
    instanceId: new Uint8Array(16).fill(1),
    agent: 'mesh/1',
    policyVersion: 2,
    revocationsHash: new Uint8Array(32)
  }
  const nowMs = Date.now()
  return {
    network,
    member,
    self,
    nowMs,
    hello: helloOf(self, nowMs, true),
    check: { networkKey: network.networkKey, remotePeer: member.peerId, nowMs }
  }
}

describe('hello messages', () => {
  it('come through as they were written', async () => {
    const { hello, check, member } = await setUp()
    const read = decodeAnswer(encodeAnswer(decodeHello(HelloRequest.encode(hello))), member.peerId)
    expect(await checkHello(read, check)).toMatchObject({
      membership: { name: 'alice' },
      instanceId: '01'.repeat(16),
      policyVersion: 2,
      agent: 'mesh/1',
      isOnly: true
    })
    expect(() => decodeAck(encodeAck(), member.peerId)).not.toThrow()
  })

  it('carry a refusal with its code, its reason and how long to wait', async () => {
    const { member } = await setUp()
    const error = new MeshError('CLOCK_SKEW', 'off \u202e by far')
    const refused = { code: 'CLOCK_SKEW', message: expect.stringContaining('off \\u{202e} by far') }
    const read = (): unknown => decodeAnswer(encodeRefusal(error), member.peerId)
    expect(read).toThrow(
      expect.objectContaining({ ...refused, details: { refusedBy: 'peer', retryAfterMs: limits.refusalBackoffMs } })
    )
    expect(() => decodeAck(encodeAck(error), member.peerId)).toThrow(expect.objectContaining(refused))
    expect(encodeRefusal(new MeshError('DENIED', 'x'.repeat(10_000))).length).toBeLessThan(300)
  })

  it.each([
    ['no certificate', { chain: [] }, 'NOT_A_MEMBER'],
    ['a short instance id', { instanceId: new Uint8Array(15) }, 'NOT_A_MEMBER'],
    ['half a hash', { revocationsHash: new Uint8Array(16) }, 'NOT_A_MEMBER'],
    ['three certificates', { chain: [new Uint8Array(), new Uint8Array(), new Uint8Array()] }, 'CERTIFICATE_INVALID'],
    ['a clock one past the tolerance ahead', { timeMs: limits.clockToleranceMs + 1 }, 'CLOCK_SKEW'],
    [
      'a clock one past the tolerance behind',
      { timeMs: -limits.clockToleranceMs - limits.helloTimeoutMs - 1 },
      'CLOCK_SKEW'
    ]
  ])('with %s are refused', async (_, change, code) => {
    const { hello, check, nowMs } = await setUp()
    const changed = { ...hello, ...change, timeMs: nowMs + ('timeMs' in change ? change.timeMs : 0) }
    await expect(checkHello(changed, check)).rejects.toMatchObject({ code })
  })

  it('at the very tolerance are taken', async () => {
    const { hello, check, nowMs } = await setUp()
    for (const offMs of [limits.clockToleranceMs, -limits.clockToleranceMs]) {
      await expect(checkHello({ ...hello, timeMs: nowMs + offMs }, check)).resolves.toBeDefined()
    }
  })

  it('with the certificates of someone else are refused', async () => {
    const { hello, check, network } = await setUp()
    const { peerId } = await network.member('bob')
    await expect(checkHello(hello, { ...check, remotePeer: peerId })).rejects.toMatchObject({ code: 'NOT_A_MEMBER' })
  })

  it(`of any bytes end in a typed error or as they were meant, in ${cases} cases`, async () => {
    const { hello, check, member } = await setUp()
    const random = seededRandom(seed)
    const request = HelloRequest.encode(hello)
    const answer = encodeAnswer(hello)
    let taken = 0
    for (let count = 0; count < cases; count += 1) {
      try {
        const read =
          count % 2 === 0 ? decodeHello(bend(random, request)) : decodeAnswer(bend(random, answer), member.peerId)
        // a signature costs as much as a hundred decodings
        if (count % 5 !== 0) continue
        const { membership } = await checkHello(read, check)
        taken += 1
        if (!membership.peerId.equals(member.peerId) || membership.name !== 'alice')
          throw new Error('someone else was taken')
      } catch (err) {
        if (!(err instanceof MeshError)) throw new Error(`case ${count} of seed ${seed}`, { cause: err })
      }
      if (count % 100 === 1) {
        try {
          decodeAck(bend(random, encodeAck()), member.peerId)
        } catch (err) {
          expect(err).toBeInstanceOf(MeshError)
        }
      }
    }
    expect(taken).toBeGreaterThan(0)
  }, 60_000)
})
