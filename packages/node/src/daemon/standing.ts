import { limits, protocols, toMeshError } from '@agent-mesh/wire'
import {
  createRenewHandler,
  guardByRevocations,
  renewHandlerOptions,
  type Admission,
  type Dialler,
  type MemberProtocols,
  type RecordBook,
  type RevocationKeeper,
  type RunningDiscovery
} from '@agent-mesh/control-plane'
import type { Membership } from '@agent-mesh/identity'
import type { Identity } from '../state/identity.ts'
import { knownMemberships } from './directory.ts'
import type { EventBus } from './event-bus.ts'
import type { Issuance } from './issuance.ts'
import type { StateFiles } from '../state/documents.ts'
import { OldKey } from './old-key.ts'
import { OwnRenewal } from './own-renewal.ts'
import { Renewals } from './renewals.ts'
import { Revocations } from './revocations.ts'

export interface StandingInit {
  identity: Identity
  files: StateFiles
  issuance: Issuance
  keeper: RevocationKeeper
  admission: Admission
  book: RecordBook
  discovery: Pick<RunningDiscovery, 'findName'>
  dialler: Dialler
  members: MemberProtocols
  events: EventBus
  /** Tells the other members that there is one revocation more. */
  announceRevocations: () => void
}

/** Who is a member and for how long: revocations, the renewal of others, and that of this node. */
export interface Standing {
  revocations: Revocations
  ownRenewal: OwnRenewal
  start: () => Promise<void>
  stop: () => Promise<void>
}

export const createStanding = (init: StandingInit): Standing => {
  const { identity, files, issuance, keeper, admission, book, discovery, dialler, members, events } = init
  const { networkId, networkKey } = identity
  const known = (): Membership[] => knownMemberships(admission, book)
  const revocations = new Revocations({
    credentials: identity,
    keeper,
    issuance,
    known,
    nameOf: (peer) => admission.membership(peer)?.name,
    findName: async (name) => {
      const records = await discovery.findName(name, { signal: AbortSignal.timeout(limits.lookupTimeoutMs) })
      return records.map(({ membership }) => membership)
    },
    announce: init.announceRevocations
  })
  const renewals = new Renewals({ credentials: identity, issuance, keeper, revocations })
  const protocol = protocols(networkId).renew
  const ownRenewal = new OwnRenewal({
    identity,
    admission,
    known,
    connect: async (peer, options) => dialler.connect(peer, options),
    protocol,
    events
  })
  const oldKey = new OldKey({ identity, files, keeper, admission, ownRenewal, revocations, events })
  let isRevoked = false
  const lookAtOneself = (): void => {
    const found = isRevoked ? undefined : keeper.find(identity.membership)
    if (found === undefined) return
    isRevoked = true
    events.emit('error', 'certificate:revoked', { by: found.signer.toString(), reason: found.reason })
  }
  const stops: Array<() => void> = []
  return {
    revocations,
    ownRenewal,
    start: async () => {
      stops.push(
        guardByRevocations({
          keeper,
          admission,
          onExpelled: (peer) => {
            const name = admission.membership(peer)?.name ?? ''
            events.emit('warn', 'peer:revoked', { peer: peer.toString(), name })
          }
        }),
        keeper.onChange(lookAtOneself)
      )
      lookAtOneself()
      await members.handle(
        protocol,
        createRenewHandler({
          networkKey,
          admission,
          renew: async (plea) => renewals.answer(plea),
          onFailed: ({ remotePeer }, err) => {
            events.emit('debug', 'renewal:refused', { peer: remotePeer.toString(), code: toMeshError(err).code })
          }
        }),
        renewHandlerOptions
      )
      keeper.start()
      ownRenewal.start()
      await oldKey.start()
    },
    stop: async () => {
      for (const stop of stops.splice(0)) stop()
      keeper.stop()
      await ownRenewal.stop()
      await oldKey.stop()
    }
  }
}
