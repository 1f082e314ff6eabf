import { issueCertificate, sealPolicy } from '@agent-mesh/identity'
import { dayMs, foreignRoot, idOf, keyOf, networkKey, nowMs, root } from '../network-fixture.ts'
import type { PrivateKey, PublicKey } from '@libp2p/interface'

export const [ann, ben, cas, dan] = await Promise.all([41, 42, 43, 44].map(keyOf)).then(
  ([a = root, b = root, c = root, d = root]): [PrivateKey, PrivateKey, PrivateKey, PrivateKey] => [a, b, c, d]
)

interface Terms {
  groups?: string[]
  mayAdmit?: boolean
  notBeforeMs?: number
  notAfterMs?: number
  network?: PublicKey
}

export const certify = async (key: PrivateKey, name: string, issuer: PrivateKey, terms: Terms = {}) =>
  issueCertificate(
    {
      networkKey: terms.network ?? networkKey,
      peerId: idOf(key),
      name,
      groups: terms.groups ?? ['admin'],
      mayAdmit: terms.mayAdmit ?? false,
      notBeforeMs: terms.notBeforeMs ?? nowMs - dayMs,
      notAfterMs: terms.notAfterMs ?? nowMs + dayMs
    },
    issuer
  )

/** Admins by the word of the root. */
export const annChain = [await certify(ann, 'ann', root, { mayAdmit: true })]
export const benChain = [await certify(ben, 'ben', root)]
/** In the group `admin` by the word of an admin: not one. */
export const casChain = [await certify(cas, 'cas', ann), ...annChain]
/** A member. */
export const danChain = [await certify(dan, 'dan', root, { groups: ['ops'] })]
/** An admin of another network. */
export const foreignChain = [await certify(ann, 'ann', foreignRoot, { network: foreignRoot.publicKey })]

export const source = 'grants: [{from: bob, to: alice, services: web}]\n'

export const seal = async (
  key: PrivateKey = root,
  chain: Uint8Array[] = [],
  fields: { source?: string; version?: number; issuedMs?: number; networkKey?: PublicKey } = {}
) => sealPolicy({ source, version: 7, issuedMs: nowMs, networkKey, ...fields }, key, chain)
