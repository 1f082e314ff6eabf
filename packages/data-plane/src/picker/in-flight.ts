/** What a member said of itself. */
export interface Report {
  /** Tunnels to its services that were open, ours included. */
  tunnels: number
  /** Another one for each report. */
  id: string
}

interface Book {
  count: number
  /** Most that were open at once since the last report, and between the two before. */
  peak: number
  peakBefore: number
  reportId: string | undefined
}

/** Counts our own tunnels to each candidate, from the attempt to the end, and tells them from those of others. */
export class InFlight {
  readonly #books = new Map<string, Book>()

  /** @returns to be called once, when it has ended */
  begin(key: string): () => void {
    const book = this.#open(key)
    book.count += 1
    book.peak = Math.max(book.peak, book.count)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      book.count -= 1
      if (book.count === 0 && book.reportId === undefined) this.#books.delete(key)
    }
  }

  /** Our own that are open. */
  count(key: string): number {
    return this.#books.get(key)?.count ?? 0
  }

  /**
   * Tunnels that a candidate has: our own, which are known exactly, and what its last report counts beyond them. A report
   * is some seconds old, so that what it counts is taken for ours up to the most we had open meanwhile; otherwise our own
   * tunnels that have ended would keep us away until the next one.
   */
  busy(key: string, report: Report | undefined): number {
    if (report === undefined) return this.count(key)
    const book = this.#open(key)
    if (book.reportId !== report.id) {
      book.reportId = report.id
      book.peakBefore = book.peak
      book.peak = book.count
    }
    return book.count + Math.max(0, report.tunnels - Math.max(book.peak, book.peakBefore))
  }

  /** Forgets candidates that are no longer looked at. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, { count }] of this.#books) if (count === 0 && !keys.has(key)) this.#books.delete(key)
  }

  /** Candidates that are remembered. */
  get size(): number {
    return this.#books.size
  }

  #open(key: string): Book {
    const found = this.#books.get(key)
    if (found !== undefined) return found
    const book: Book = { count: 0, peak: 0, peakBefore: 0, reportId: undefined }
    this.#books.set(key, book)
    return book
  }
}
