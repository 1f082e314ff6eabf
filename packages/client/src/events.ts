import type { IncomingMessage } from 'node:http'
import type { NodeEvent } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import {
  isOfSameApi,
  open,
  readAnswer,
  responseOf,
  withDeadline,
  type Call,
  type CallOptions,
  type Endpoint
} from './call.ts'
import { parseJson, validate } from './validate.ts'

/** No event is nearly as large. */
const eventBytes = 1024 * 1024

const call: Call = { method: 'GET', path: '/v1/events' }

/** Blocks of a server-sent event stream, in any split of its bytes. */
async function* blocksOf(response: IncomingMessage): AsyncGenerator<string> {
  let held = ''
  response.setEncoding('utf8')
  for await (const text of response as AsyncIterable<string>) {
    const blocks = (held + text).split('\n\n')
    held = blocks.pop() ?? ''
    if (held.length > eventBytes)
      throw new MeshError('API_UNREADABLE', `An event of the node has more than ${eventBytes} bytes.`)
    yield* blocks
  }
}

const dataOf = (block: string): string | undefined => {
  const lines = block.split('\n').filter((line) => line.startsWith('data:'))
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).trimStart()).join('\n')
}

/**
 * The events of the node from now on. Ends when the node closes or `signal` fires.
 * @throws MeshError NO_DAEMON, also where the node is gone without a word; API_UNREADABLE
 */
export async function* readEvents(endpoint: Endpoint, { signal }: CallOptions): AsyncGenerator<NodeEvent> {
  const closed = new AbortController()
  const either = signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal])
  try {
    const response = await withDeadline(endpoint, call, { signal: either }, () =>
      responseOf(open(endpoint, call), either)
    )
    if (response.headers['content-type']?.startsWith('text/event-stream') !== true) {
      await withDeadline(endpoint, call, { signal: either }, () => readAnswer(response))
      throw new MeshError('API_UNREADABLE', 'The node answered the request for events with a document.')
    }
    const blocks = blocksOf(response)
    for (;;) {
      const next = await withDeadline(endpoint, call, { signal: either }, () => blocks.next())
      if (next.done === true) return
      const data = dataOf(next.value)
      if (data !== undefined) yield await validate(parseJson(data), (api) => api.nodeEvent, isOfSameApi(response))
    }
  } catch (err) {
    if (signal?.aborted !== true) throw err
  } finally {
    closed.abort()
  }
}
