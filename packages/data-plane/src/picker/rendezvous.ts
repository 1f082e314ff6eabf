import { createHash } from 'node:crypto'

/** Of the hash; a double holds 53 bits exactly. */
const bits = 48

/** Above 0, below 1; the same for the same texts, everywhere. */
const uniform = (key: string, candidate: string): number => {
  const hash = createHash('sha256')
    .update(JSON.stringify([key, candidate]))
    .digest()
  return (hash.readUIntBE(0, bits / 8) + 0.5) / 2 ** bits
}

/**
 * Weighted rendezvous hashing: the candidate with the highest score has the key. Each has a share of the keys by its
 * weight, and where one goes or comes only the keys move that it had or gets (Schindelhauer and Schomaker, 2005).
 */
export const score = (key: string, candidate: string, weight: number): number =>
  -weight / Math.log(uniform(key, candidate))
