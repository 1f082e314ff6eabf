import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { weigh } from './message-fields.ts'
import type { Sample } from './message-sample.ts'
import { samples } from './message-samples.ts'
import { cases, mutate, seed, seededRandom, type Random } from '@agent-mesh/testkit/mutations'

const wireTypes: [number, ...number[]] = [0, 0, 2, 2, 2, 2, 1, 3, 4, 5, 6, 7]

/** A third each: mutations of a valid message, fields with random tags and lengths, and noise. */
const input = (encoded: Uint8Array, random: Random): Uint8Array => {
  switch (random.int(3)) {
    case 0:
      return mutate(encoded, random)
    case 1: {
      const bytes = random.bytes(random.int(160))
      for (let at = 0; at + 1 < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) {
        bytes[at] = ((random.int(13) + 1) << 3) | random.pick(wireTypes)
        bytes[at + 1] = random.int(20)
      }
      return bytes
    }
    default:
      return random.bytes(random.int(120))
  }
}

describe(`any bytes, ${cases} each`, () => {
  // A million and more errors are made; their stacks would cost more than all the rest.
  const { stackTraceLimit } = Error
  beforeAll(() => void (Error.stackTraceLimit = 0))
  afterAll(() => void (Error.stackTraceLimit = stackTraceLimit))

  it.each(samples.map((sample): [string, Sample] => [sample.name, sample]))(
    '%s is read or refused with its error, and never larger than its bytes',
    (name, { encoded, decode, code }) => {
      const random = seededRandom(seed)
      let read = 0
      for (let i = 0; i < cases; i++) {
        const bytes = input(encoded, random)
        const where = (): string => `${name}, MESH_SEED=${seed}, case ${i}: ${Buffer.from(bytes).toString('hex')}`
        try {
          // A letter of broken UTF-8 may become two; nothing else grows.
          if (weigh(decode(bytes)) > 2 * bytes.length) expect.fail(`grew: ${where()}`)
          read++
        } catch (err) {
          if (!(err instanceof MeshError && err.code === code))
            throw new Error(`wrong error: ${where()}`, { cause: err })
        }
      }
      // Both ways are walked, or the cases say nothing.
      expect(read).toBeGreaterThan(cases / 100)
      expect(read).toBeLessThan(cases)
    }
  )
})
