import { peerIdFromString } from '@libp2p/peer-id'
import { limits } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'

const known = new Map<string, PeerId>()

/**
 * The peer id of a text that this node wrote itself. Every tunnel asks for the same few several times, and each reading
 * takes longer than what is looked up by it.
 * @throws Error where it is none
 */
export const peerIdOf = (text: string): PeerId => {
  const found = known.get(text)
  if (found !== undefined) return found
  const made = peerIdFromString(text)
  const oldest = known.size >= limits.membersRemembered ? known.keys().next() : undefined
  if (oldest?.done === false) known.delete(oldest.value)
  known.set(text, made)
  return made
}
