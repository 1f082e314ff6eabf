/** Seed of every random choice in a test run; `MESH_SEED=<n> vitest …` repeats the run that printed it. */
export const seed = Number(process.env['MESH_SEED'] ?? 1)

/** How often a fuzz test tries; `MESH_CASES=1000000` for a long run. */
export const cases = Number(process.env['MESH_CASES'] ?? 100_000)

export interface Random {
  /** Whole number from 0 up to, and without, `below`. */
  int: (below: number) => number
  bytes: (length: number) => Uint8Array<ArrayBuffer>
  pick: <T>(items: readonly [T, ...T[]]) => T
}

/** Seeded generator (mulberry32). */
export const seededRandom = (start: number): Random => {
  let state = start >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const int = (below: number): number => next() % below
  return {
    int,
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let i = 0; i < length; i++) out[i] = next()
      return out
    },
    pick: (items) => items[int(items.length)] ?? items[0]
  }
}

const splice = (bytes: Uint8Array, start: number, remove: number, insert: Uint8Array): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(bytes.length - remove + insert.length)
  out.set(bytes.subarray(0, start))
  out.set(insert, start)
  out.set(bytes.subarray(start + remove), start + insert.length)
  return out
}

/** Bytes that decoders have stumbled over: ends of varints, lengths of 2^31 and 2^32 - 1, group tags. */
const nasty: [number[], ...number[][]] = [
  [0],
  [0xff],
  [0x80, 0x00],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x0b],
  [0x0c]
]

const one = (bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> => {
  const at = random.int(bytes.length + 1)
  const span = Math.min(random.int(8) + 1, bytes.length - at)
  switch (random.int(7)) {
    case 0:
      return splice(bytes, at, Math.min(1, span), Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.int(8))))
    case 1:
      return splice(bytes, at, Math.min(1, span), random.bytes(1))
    case 2:
      return splice(bytes, at, bytes.length - at, new Uint8Array())
    case 3:
      return splice(bytes, at, span, new Uint8Array())
    case 4:
      return splice(bytes, at, 0, random.bytes(span))
    case 5:
      return splice(bytes, at, random.int(2) * span, Uint8Array.from(random.pick(nasty)))
    default:
      return splice(bytes, random.int(bytes.length + 1), 0, bytes.subarray(at, at + span))
  }
}

/** One to three flips, cuts, insertions, copies and lies about lengths. May give the same bytes back. */
export const mutate = (bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> => {
  let out = one(bytes, random)
  for (let more = random.int(3); more > 0; more--) out = one(out, random)
  return out
}
