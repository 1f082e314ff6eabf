import { MeshError } from '@agent-mesh/wire'
import { verifyChain, type Membership } from '@agent-mesh/identity'
import type { PeerId } from '@libp2p/interface'
import type { HealthInit } from './health-init.ts'

/** Two clocks may see the end of a certificate differently: nothing against whoever shows it. */
const isOfTime = (err: unknown): boolean =>
  err instanceof MeshError && (err.code === 'CERTIFICATE_EXPIRED' || err.code === 'CERTIFICATE_NOT_YET_VALID')

/**
 * Learns of members that are not connected by the certificates that a neighbour shows of them. Whoever was revoked stays
 * unknown.
 * @throws MeshError from what it returns: CERTIFICATE_INVALID, NETWORK_FOREIGN
 */
export const introducer =
  ({ networkKey, admission }: Pick<HealthInit, 'networkKey' | 'admission'>, now: () => number) =>
  async (peer: PeerId, chain: Uint8Array[]): Promise<void> => {
    let membership: Membership
    try {
      // a copy: what arrives is a view of a larger buffer, and is kept
      membership = await verifyChain(
        chain.map((link) => link.slice()),
        networkKey,
        now()
      )
    } catch (err) {
      if (isOfTime(err)) return
      throw err
    }
    if (!membership.peerId.equals(peer))
      throw new MeshError('CERTIFICATE_INVALID', `The certificate shown of ${peer.toString()} is another member's.`)
    admission.learn(membership)
  }
