import { peerIdFromString } from '@libp2p/peer-id'
import type { AssembleInit } from './assemble.ts'

/** Writes down where admitted members can be dialled, so that a restart needs nobody in particular. */
export const rememberMembers = ({ host, memory }: Pick<AssembleInit, 'host' | 'memory'>): (() => void) => {
  const { admission } = host.services
  const note = async (peerId: string): Promise<void> => {
    const peer = await host.peerStore.get(peerIdFromString(peerId))
    memory.peers.admitted(
      peerId,
      peer.addresses.map(({ multiaddr: address }) => address)
    )
    memory.touch()
  }
  const onIdentify = ({ detail }: CustomEvent<{ peerId: { toString: () => string } }>): void => {
    if (admission.has(peerIdFromString(detail.peerId.toString()))) note(detail.peerId.toString()).catch(() => {})
  }
  host.addEventListener('peer:identify', onIdentify)
  return () => {
    host.removeEventListener('peer:identify', onIdentify)
  }
}
