/** What happens next, as a binary heap: of two events at one moment the one that was added first. */
export class EventQueue<T> {
  readonly #heap: Array<{ atMs: number; order: number; event: T }> = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Infinity
  }

  add(atMs: number, event: T): void {
    const heap = this.#heap
    const entry = { atMs, order: this.#order++, event }
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, entry)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  /** The earliest, taken out. */
  take(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first?.event
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const one = heap[left]
      if (one === undefined) break
      const other = heap[left + 1]
      const isOther = other !== undefined && isBefore(other, one)
      const least = isOther ? other : one
      if (isBefore(last, least)) break
      heap[at] = least
      at = isOther ? left + 1 : left
    }
    heap[at] = last
    return first.event
  }
}

interface Place {
  atMs: number
  order: number
}

const isBefore = (a: Place, b: Place): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
