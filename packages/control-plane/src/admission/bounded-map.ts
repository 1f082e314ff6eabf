/** A map that forgets what was written longest ago. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #most: number
  readonly #isKept: (key: K) => boolean

  /** @param isKept - entries that are passed over when one has to go */
  constructor(most: number, isKept: (key: K) => boolean = () => false) {
    this.#most = most
    this.#isKept = isKept
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  /** @returns the key that had to go for it, if one had to */
  set(key: K, value: V): K | undefined {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#most) return undefined
    for (const oldest of this.#entries.keys()) {
      if (oldest === key || this.#isKept(oldest)) continue
      this.#entries.delete(oldest)
      return oldest
    }
    return undefined
  }

  values(): IterableIterator<V> {
    return this.#entries.values()
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  get size(): number {
    return this.#entries.size
  }
}
