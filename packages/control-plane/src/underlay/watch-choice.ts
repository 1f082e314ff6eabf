import { limits } from '@agent-mesh/wire'

export interface WatchedPeer {
  peerId: string
  /** Its path carries tunnels. */
  isUsed: boolean
}

/**
 * Whose paths are watched: those with tunnels, and a few others that stay the same while they are there. So what it
 * costs does not grow with the network.
 * @param reachable - members with a path that UDP could take, too
 * @param watched - those that are watched already
 * @param random - at least 0, below 1
 */
export const chooseWatched = (
  reachable: WatchedPeer[],
  watched: ReadonlySet<string>,
  random: () => number
): string[] => {
  const used = reachable.filter(({ isUsed }) => isUsed)
  const idle = reachable.filter(({ isUsed }) => !isUsed)
  const kept = idle.filter(({ peerId }) => watched.has(peerId))
  const fresh = idle.filter(({ peerId }) => !watched.has(peerId))
  const others = kept.slice(0, limits.echoedMembersIdle)
  while (others.length < limits.echoedMembersIdle && fresh.length > 0)
    others.push(...fresh.splice(Math.floor(random() * fresh.length), 1))
  return [...used.slice(0, limits.echoedMembersInUse), ...others].map(({ peerId }) => peerId)
}
