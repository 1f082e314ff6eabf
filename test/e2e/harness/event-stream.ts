/** What a client of server-sent events has seen. */
export interface SeenEvents {
  /** Header in which the origin says who it is. */
  origin: string | null
  ids: number[]
  /** From the headers to the end of the stream. */
  elapsedMs: number
}

/** Reads a stream of server-sent events to its end. @throws TypeError where it is cut */
export const readEventStream = async (url: string, signal?: AbortSignal): Promise<SeenEvents> => {
  const response = await fetch(url, signal === undefined ? {} : { signal })
  if (response.body === null) throw new Error(`${url} has no body`)
  const startedMs = performance.now()
  const ids: number[] = []
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) ids.push(Number(/^id: (\d+)$/m.exec(block)?.[1]))
  }
  return { origin: response.headers.get('x-origin'), ids, elapsedMs: performance.now() - startedMs }
}
