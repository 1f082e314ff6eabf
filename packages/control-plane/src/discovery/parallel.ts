/** A stage of a pipeline: async items in, async items out. */
export type Stage<A, B> = (source: AsyncIterable<A>) => AsyncGenerator<B>

type Step<A, B> = { from: 'source'; result: IteratorResult<A> } | { from: 'worker'; id: number; value: B }

/**
 * Maps with at most `concurrency` items at work, and yields each as it is done. It reads no further ahead than that.
 * `map` must not reject.
 */
export const parallelMap = <A, B>(concurrency: number, map: (item: A) => Promise<B>): Stage<A, B> =>
  async function* (source) {
    const iterator = source[Symbol.asyncIterator]()
    const workers = new Map<number, Promise<Step<A, B>>>()
    let pull: Promise<Step<A, B>> | undefined
    let isOpen = true
    let nextId = 0
    try {
      while (isOpen || workers.size > 0) {
        if (isOpen && pull === undefined && workers.size < concurrency)
          pull = iterator.next().then((result) => ({ from: 'source', result }))
        const step = await Promise.race(pull === undefined ? workers.values() : [pull, ...workers.values()])
        if (step.from === 'worker') {
          workers.delete(step.id)
          yield step.value
          continue
        }
        pull = undefined
        if (step.result.done === true) {
          isOpen = false
          continue
        }
        const id = nextId++
        workers.set(
          id,
          map(step.result.value).then((value) => ({ from: 'worker', id, value }))
        )
      }
    } finally {
      // Not awaited: a source that waits for a peer ends when its signal fires, not when it is asked to.
      pull?.catch(() => undefined)
      iterator.return?.().then(
        () => undefined,
        () => undefined
      )
    }
  }

/** Passes what has a key that was not seen yet, at most `most` items. */
export const distinct = <A>(keyOf: (item: A) => string, most: number): Stage<A, A> =>
  async function* (source) {
    const seen = new Set<string>()
    for await (const item of source) {
      const key = keyOf(item)
      if (seen.has(key)) continue
      seen.add(key)
      yield item
      if (seen.size >= most) return
    }
  }

/** Drops what is absent. */
export const present = async function* <A>(source: AsyncIterable<A | undefined>): AsyncGenerator<A> {
  for await (const item of source) {
    if (item !== undefined) yield item
  }
}

/** Ends after `most` items. */
export const take = <A>(most: number): Stage<A, A> =>
  async function* (source) {
    let taken = 0
    if (most <= 0) return
    for await (const item of source) {
      yield item
      if (++taken >= most) return
    }
  }

/**
 * Ends when no item that counts came for `quietMs` after the last one that did: some neighbours of a query are dead,
 * and what they do not say is not worth a wait.
 */
export const untilQuiet = <A>(quietMs: number, counts: (item: A) => boolean = () => true): Stage<A, A> =>
  async function* (source) {
    const iterator = source[Symbol.asyncIterator]()
    const quiet = Promise.withResolvers<IteratorResult<A, undefined>>()
    let timer: NodeJS.Timeout | undefined
    try {
      while (true) {
        const next = iterator.next()
        next.catch(() => undefined)
        const result = await Promise.race([next, quiet.promise])
        if (result.done === true) return
        if (counts(result.value)) {
          clearTimeout(timer)
          timer = setTimeout(() => quiet.resolve({ done: true, value: undefined }), quietMs).unref()
        }
        yield result.value
      }
    } finally {
      clearTimeout(timer)
      iterator.return?.().then(
        () => undefined,
        () => undefined
      )
    }
  }

/** Takes an error of the source for its end: what was found before it stays found. */
export const endOnError = async function* <A>(source: AsyncIterable<A>): AsyncGenerator<A> {
  try {
    yield* source
  } catch {
    // The query was aborted, or one holder failed; whether that matters is judged by what was found.
  }
}
