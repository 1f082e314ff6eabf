import type { SeededRandom } from '@agent-mesh/testkit'

/** Bytes near to a valid message: some changed, cut, doubled or made up. */
export const bend = (random: SeededRandom, valid: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(valid)
  switch (random.integer(0, 5)) {
    case 0:
      return random.bytes(random.integer(0, 64))
    case 1:
      return bytes.subarray(0, random.integer(0, bytes.length))
    case 2:
      return Buffer.concat([bytes, random.bytes(random.integer(1, 32))])
    default: {
      for (let flips = random.integer(1, 6); flips > 0; flips -= 1)
        bytes[random.integer(0, bytes.length)] = random.integer(0, 256)
      return bytes
    }
  }
}
