import { MeshError, nearCapabilities, parseCapability } from '@agent-mesh/wire'
import { withAllAncestors } from './provider-keys.ts'

/** The capability paths that a network allows, where it has such a list. */
export interface Taxonomy {
  /**
   * Passes listed paths, their ancestors and everything below `x-<organisation>`.
   * @throws MeshError CAPABILITY_INVALID, CAPABILITY_UNKNOWN with the near ones in the hint
   */
  check: (path: string) => string
}

/** Sentence for people: `Did you mean a/b or a/c?` */
export const didYouMean = (paths: string[]): string | undefined =>
  paths.length === 0 ? undefined : `Did you mean ${paths.join(' or ')}?`

/** @throws MeshError CAPABILITY_INVALID where a line of the list is no path */
export const createTaxonomy = (paths: Iterable<string>): Taxonomy => {
  const known = withAllAncestors([...paths].map(parseCapability))
  return {
    check: (text) => {
      const path = parseCapability(text)
      if (path.startsWith('x-') || known.has(path)) return path
      const suggestions = nearCapabilities(path, known)
      const hint = didYouMean(suggestions)
      throw new MeshError('CAPABILITY_UNKNOWN', `The taxonomy of this network does not know "${path}".`, {
        ...(hint === undefined ? {} : { hint }),
        details: { suggestions }
      })
    }
  }
}
