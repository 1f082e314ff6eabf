import { afterAll, beforeAll, expect } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { cases, seed, type Random } from '../../wire/test/random.ts'

export const hex = (parts: Uint8Array[]): string => parts.map((part) => Buffer.from(part).toString('hex')).join('.')

/** Counts what was accepted though it is none of the originals; the first of them is in the message. */
export const judge = (what: string, originals: Set<string>) => {
  let same = 0
  return {
    accepted: (i: number, text: string): void => {
      if (!originals.has(text)) throw new Error(`${what}, MESH_SEED=${seed}, case ${i} was accepted: ${text}`)
      same++
    },
    refused: (i: number, text: string, err: unknown): void => {
      if (err instanceof MeshError) return
      throw new Error(`${what}, MESH_SEED=${seed}, case ${i} threw something else: ${text}`, { cause: err })
    },
    /** Some mutations change nothing: those must be accepted, or the rest proves nothing. */
    end: (): void => {
      expect(same).toBeGreaterThan(0)
      expect(same).toBeLessThan(cases / 10)
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
