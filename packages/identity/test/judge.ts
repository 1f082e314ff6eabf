import { afterAll, beforeAll, expect } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { seed, type Random } from '@agent-mesh/testkit/mutations'

export const hex = (parts: Uint8Array[]): string => parts.map((part) => Buffer.from(part).toString('hex')).join('.')

/**
 * Tries one case. Whatever is accepted must be one of the originals, whatever is thrown a MeshError; anything else
 * fails with the seed, the case and its bytes.
 */
export const judge = (what: string, originals: Set<string>) => {
  let same = 0
  let tried = 0
  return {
    try: async (i: number, text: () => string, attempt: () => unknown): Promise<void> => {
      tried++
      const replay = (): string => `${what}, MESH_SEED=${seed}, case ${i}: ${text()}`
      try {
        await attempt()
      } catch (err) {
        if (err instanceof MeshError) return
        throw new Error(`Something else was thrown. ${replay()}`, { cause: err })
      }
      if (!originals.has(text())) throw new Error(`It was accepted. ${replay()}`)
      same++
    },
    /** Some mutations change nothing: those must have been accepted, or the rest proves nothing. */
    end: (): void => {
      expect(same).toBeGreaterThan(0)
      expect(same).toBeLessThan(tried / 4)
    }
  }
}

/** The beginning of one and the end of the other. */
export const graft = (a: Uint8Array, b: Uint8Array, random: Random): Uint8Array => {
  const at = random.int(a.length)
  return Buffer.concat([a.subarray(0, at), b.subarray(random.int(3) === 0 ? random.int(b.length) : at)])
}

/** A hundred thousand errors are made; their stacks would cost more than all the rest. */
export const withoutStacks = (): void => {
  const { stackTraceLimit } = Error
  beforeAll(() => void (Error.stackTraceLimit = 0))
  afterAll(() => void (Error.stackTraceLimit = stackTraceLimit))
}
