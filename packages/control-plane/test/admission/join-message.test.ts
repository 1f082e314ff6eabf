import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { createSealPair } from '@agent-mesh/identity'
import { createTestNetwork, seededRandom } from '@agent-mesh/testkit'
import { JoinAnswer, JoinRequest, limits, MeshError, type Ticket } from '@agent-mesh/wire'
import {
  decodeJoinRequest,
  encodeGranted,
  encodeRefused,
  openJoinAnswer,
  openPlea,
  sealPlea
} from '../../src/admission/join-message.ts'
import { bend } from './bend.ts'

const cases = 100_000
const seed = Number(process.env['SEED'] ?? Date.now())

const setUp = async () => {
  const network = await createTestNetwork()
  const issuer = await network.member('issuer')
  const key = await generateKeyPair('Ed25519')
  const { publicKey, privateKey } = createSealPair()
  const nowMs = Date.now()
  const ticket: Ticket = {
    networkKey: new Uint8Array(publicKeyToProtobuf(network.networkKey)),
    issuer: new Uint8Array(issuer.peerId.toMultihash().bytes),
    addresses: [],
    inviteId: new Uint8Array(16).fill(3),
    secret: new Uint8Array(16).fill(4),
    sealKey: new Uint8Array(publicKey),
    expiresMs: nowMs + 1_000,
    groups: [],
    uses: 1
  }
  const plea = { ticket, key, name: 'bob', nowMs }
  const self = peerIdFromPrivateKey(key)
  return { network, issuer, key, ticket, plea, self, nowMs, sealKey: privateKey, sealed: await sealPlea(plea) }
}

describe('join messages', () => {
  it('reach the issuer as the joiner wrote them, and their answer the joiner', async () => {
    const { network, issuer, sealKey, sealed, nowMs, plea, self, key } = await setUp()
    const request = decodeJoinRequest(sealed.request)
    expect(request.issuerId.equals(issuer.peerId)).toBe(true)
    const opened = await openPlea(request, sealKey, nowMs)
    expect(opened.plea).toMatchObject({ name: 'bob', nowMs, secret: plea.ticket.secret })
    expect(opened.plea.peerId.equals(self)).toBe(true)
    const { chain } = await network.member('bob', { privateKey: key })
    const addresses = Array.from({ length: 40 }, (_, port) => multiaddr(`/ip4/127.0.0.1/tcp/${port + 1}`))
    const answer = encodeGranted(opened.sealGrant({ chain, addresses, policyVersion: 7 }))
    expect(answer.length).toBeLessThan(limits.joinBytes)
    const joined = await openJoinAnswer(answer, sealed.openGrant, plea, self)
    expect(joined.membership.name).toBe('bob')
    expect(joined.addresses).toHaveLength(2 * limits.addressesPerRecord)
  })

  it('are refused when they grant something else', async () => {
    const { network, sealKey, sealed, nowMs, plea, self, key } = await setUp()
    const { sealGrant } = await openPlea(decodeJoinRequest(sealed.request), sealKey, nowMs)
    const grants = [
      ['CERTIFICATE_INVALID', await network.member('eve', { privateKey: key })],
      ['CERTIFICATE_INVALID', await network.member('bob')],
      ['NETWORK_FOREIGN', await (await createTestNetwork()).member('bob', { privateKey: key })]
    ] as const
    for (const [code, { chain }] of grants) {
      const answer = encodeGranted(sealGrant({ chain, addresses: [], policyVersion: 0 }))
      await expect(openJoinAnswer(answer, sealed.openGrant, plea, self)).rejects.toMatchObject({ code })
    }
    const refused = encodeRefused(new MeshError('NAME_TAKEN', '"bob" is taken'))
    await expect(openJoinAnswer(refused, sealed.openGrant, plea, self)).rejects.toMatchObject({ code: 'NAME_TAKEN' })
    const unsealed = JoinAnswer.encode({ code: 0, reason: '', sealed: new Uint8Array(12) })
    await expect(openJoinAnswer(unsealed, sealed.openGrant, plea, self)).rejects.toMatchObject({
      code: 'TICKET_INVALID'
    })
  })

  it('for another invitation, from another time or of a bad name are refused', async () => {
    const { sealKey, sealed, nowMs, plea } = await setUp()
    const request = decodeJoinRequest(sealed.request)
    await expect(openPlea({ ...request, inviteId: new Uint8Array(16) }, sealKey, nowMs)).rejects.toMatchObject({
      code: 'TICKET_INVALID'
    })
    const late = nowMs + limits.clockToleranceMs + limits.joinTimeoutMs + 1
    await expect(openPlea(request, sealKey, late)).rejects.toMatchObject({ code: 'CLOCK_SKEW' })
    await expect(openPlea(request, createSealPair().privateKey, nowMs)).rejects.toMatchObject({
      code: 'TICKET_INVALID'
    })
    await expect(sealPlea({ ...plea, name: 'Not A Name' })).rejects.toMatchObject({ code: 'NAME_INVALID' })
  })

  it(`of any bytes end in a typed error, in ${cases} cases`, async () => {
    const { network, sealKey, sealed, nowMs, plea, self, key } = await setUp()
    const random = seededRandom(seed)
    const { chain } = await network.member('bob', { privateKey: key })
    const { sealGrant } = await openPlea(decodeJoinRequest(sealed.request), sealKey, nowMs)
    const answer = encodeGranted(sealGrant({ chain, addresses: [], policyVersion: 0 }))
    for (let count = 0; count < cases; count += 1) {
      try {
        if (count % 2 === 0) {
          const request = decodeJoinRequest(bend(random, sealed.request))
          // one X25519 exchange costs as much as a hundred decodings
          if (count % 50 === 0) await openPlea(request, sealKey, nowMs)
        } else {
          await openJoinAnswer(bend(random, answer), sealed.openGrant, plea, self)
        }
      } catch (err) {
        if (!(err instanceof MeshError)) throw new Error(`case ${count} of seed ${seed}`, { cause: err })
      }
    }
    expect(JoinRequest.decode(new Uint8Array(sealed.request)).inviteId).toEqual(plea.ticket.inviteId)
  }, 60_000)
})
