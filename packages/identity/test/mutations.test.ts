import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { describe, it } from 'vitest'
import { createInvite, decodeTicket, encodeTicket, openEnvelope, sealEnvelope } from '@agent-mesh/identity'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { graft, hex, judge, withoutStacks } from './judge.ts'
import { dayMs, idOf, member, networkKey, nowMs, root } from './network-fixture.ts'

describe(`${cases / 2} mutations`, () => {
  withoutStacks()

  it('of signed records and pleas are refused', { timeout: 120_000 }, async () => {
    const random = seededRandom(seed + 1)
    const payload = random.bytes(200)
    const kinds = ['record', 'joinPlea'] as const
    const [record, plea] = [
      await sealEnvelope('record', payload, member),
      await sealEnvelope('joinPlea', payload, root)
    ]
    const originals = { record, joinPlea: plea }
    const judged = judge('envelope', new Set(kinds.map((kind) => kind + hex([originals[kind]]))))
    for (let i = 0; i < cases / 4; i++) {
      const kind = random.pick(kinds)
      const bytes = originals[random.int(8) === 0 ? random.pick(kinds) : kind]
      const changed = random.int(6) === 0 ? graft(bytes, originals[random.pick(kinds)], random) : mutate(bytes, random)
      await judged.try(
        i,
        () => kind + hex([changed]),
        async () => openEnvelope(kind, changed, 4096, 'RECORD_INVALID')
      )
    }
    judged.end()
  })

  it('of tickets are refused', { timeout: 120_000 }, async () => {
    const { id, secret, sealKey } = createInvite({ nowMs })
    const text = encodeTicket({
      networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
      issuer: idOf(root).toMultihash().bytes,
      addresses: [],
      inviteId: id,
      secret,
      sealKey,
      expiresMs: nowMs + dayMs,
      groups: [],
      uses: 1
    })
    const random = seededRandom(seed + 2)
    const letters = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl \n\u0131\u0661\u{ff11}'
    const judged = judge('ticket', new Set([text]))
    for (let i = 0; i < cases / 4; i++) {
      const letter = letters[random.int(letters.length)] ?? ''
      const at = random.int(text.length)
      const changed =
        random.int(2) === 0
          ? text.slice(0, at) + letter + text.slice(at + random.int(3))
          : Buffer.from(mutate(Buffer.from(text), random)).toString('latin1')
      await judged.try(
        i,
        () => changed.trim(),
        () => decodeTicket(changed, nowMs)
      )
    }
    judged.end()
  })
})
