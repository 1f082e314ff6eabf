import type { Membership } from '@agent-mesh/identity'

/** Those of the strongest kind: a name from the root beats one from a delegate, whoever is connected. */
export const strongest = (holders: Membership[]): Membership[] => {
  const rooted = holders.filter((holder) => holder.isIssuedByRoot)
  return rooted.length > 0 ? rooted : holders
}
