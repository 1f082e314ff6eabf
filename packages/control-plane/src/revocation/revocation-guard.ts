import type { PeerId } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import type { RevocationKeeper } from './revocation-keeper.ts'

export interface RevocationGuardInit {
  keeper: Pick<RevocationKeeper, 'isRevoked' | 'onChange'>
  admission: Pick<Admission, 'members' | 'greeting' | 'expel'>
  /** A member was put out. */
  onExpelled?: (peer: PeerId) => void
}

/**
 * Puts out whoever is here with a certificate that is revoked: at once, and again with every revocation that arrives.
 * @returns the way to end it
 */
export const guardByRevocations = ({ keeper, admission, onExpelled }: RevocationGuardInit): (() => void) => {
  const look = (): void => {
    for (const peer of admission.members()) {
      const membership = admission.greeting(peer)?.membership
      if (membership === undefined || !keeper.isRevoked(membership)) continue
      admission.expel(peer, 'REVOKED')
      onExpelled?.(peer)
    }
  }
  look()
  return keeper.onChange(look)
}
