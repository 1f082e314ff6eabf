import { describe, expect, it } from 'vitest'
import {
  certificateStage,
  decodeCertificateGrant,
  decodeCertificateRequest,
  encodeCertificateGrant,
  encodeCertificateRequest,
  lifeLeft
} from '@agent-mesh/identity'
import { limits } from '@agent-mesh/wire'
import { dayMs, foreignRoot, idOf, member, networkKey, nowMs, rootChain } from './network-fixture.ts'

const refused = { code: 'CERTIFICATE_INVALID' }

describe('a request as text', () => {
  it('says who asks for what, however its lines were broken', async () => {
    const text = await encodeCertificateRequest({ name: 'bob', groups: ['ci'], timeMs: nowMs }, member)
    expect(text).toMatch(/^meshreq1[1-9A-HJ-NP-Za-km-z]+$/)
    const broken = `  ${text.replaceAll(/(.{40})/g, '$1\n ')}\n`
    const { peerId, ...rest } = await decodeCertificateRequest(broken, nowMs)
    expect(peerId.equals(idOf(member))).toBe(true)
    expect(rest).toEqual({ name: 'bob', groups: ['ci'], timeMs: nowMs })
  })

  it('is refused when it is cut, changed, of another kind, too long, too old or from the future', async () => {
    const text = await encodeCertificateRequest({ name: 'bob', groups: [], timeMs: nowMs }, member)
    const flipped = text.replace(/.$/, (last) => (last === '2' ? '3' : '2'))
    for (const bad of [
      text.slice(0, -1),
      flipped,
      `mesh1${text.slice(8)}`,
      `${text}0`,
      `meshreq1${'1'.repeat(99_999)}`,
      ''
    ]) {
      await expect(decodeCertificateRequest(bad, nowMs)).rejects.toMatchObject(refused)
    }
    const late = nowMs + limits.certificateLifetimeMs
    await expect(decodeCertificateRequest(text, late)).resolves.toBeDefined()
    await expect(decodeCertificateRequest(text, late + 1)).rejects.toMatchObject(refused)
    await expect(decodeCertificateRequest(text, nowMs - limits.clockToleranceMs - 1)).rejects.toMatchObject(refused)
    await expect(encodeCertificateRequest({ name: 'Bob', groups: [], timeMs: nowMs }, member)).rejects.toMatchObject({
      code: 'NAME_INVALID'
    })
  })
})

describe('a certificate as text', () => {
  it('brings a chain that holds in the network that it names, and addresses', async () => {
    const addresses = [Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 80)]
    const text = encodeCertificateGrant({ networkKey, chain: rootChain, addresses })
    expect(text).toMatch(/^meshcert1/)
    await expect(decodeCertificateGrant(text, nowMs)).resolves.toMatchObject({ addresses, membership: { name: 'bob' } })
    await expect(decodeCertificateGrant(text, nowMs + 40 * dayMs)).rejects.toMatchObject({
      code: 'CERTIFICATE_EXPIRED'
    })
    const foreign = encodeCertificateGrant({ networkKey: foreignRoot.publicKey, chain: rootChain, addresses })
    await expect(decodeCertificateGrant(foreign, nowMs)).rejects.toMatchObject({ code: 'NETWORK_FOREIGN' })
  })
})

describe('the life of a certificate', () => {
  it('is renewed in its last third, warned of in its last tenth, and over at its end', () => {
    const times = { issuedMs: nowMs, notAfterMs: nowMs + 30 * dayMs }
    const at = (day: number) => certificateStage(times, nowMs + day * dayMs)
    expect([0, 20, 20.1, 27, 27.1, 29.9, 30, 31].map(at)).toEqual([
      'fresh',
      'fresh',
      'due',
      'due',
      'urgent',
      'urgent',
      'over',
      'over'
    ])
    expect([lifeLeft(times, nowMs - dayMs), lifeLeft(times, nowMs + 15 * dayMs)]).toEqual([1, 0.5])
  })
})
