import type { LaterBytes } from '../tunnel/open.ts'
import type { OpenTargetOptions } from './open-target.ts'

type FirstWords = Pick<OpenTargetOptions, 'early' | 'later'>

/**
 * What a client says before its tunnel is open, kept: where the first agent refuses, the next one hears all of it. `early` is
 * asked once, whatever it gives.
 */
export const keepFirstWords = ({ early, later }: FirstWords): FirstWords => {
  const said: Uint8Array[] = []
  let isAsked = false
  const keep = (bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined && bytes.length > 0) said.push(bytes)
  }
  const all = (): Uint8Array | undefined => {
    if (!isAsked) {
      isAsked = true
      keep(early?.())
    }
    return said.length > 1 ? Buffer.concat(said) : said[0]
  }
  const listen: LaterBytes | undefined =
    later === undefined
      ? undefined
      : (take) =>
          later((bytes) => {
            keep(bytes)
            take(bytes)
          })
  return { early: early === undefined && later === undefined ? undefined : all, later: listen }
}
