import type { ServerResponse } from 'node:http'
import { apiFingerprint, fingerprintHeader } from '@agent-mesh/wire/api-fingerprint'
import { limits } from '@agent-mesh/wire/limits'
import { inertJson } from '@agent-mesh/wire/quote'
import type { LocalNode } from '../local-node.ts'

/** A comment goes out this often, so that a reader that went away without a word is noticed. */
const heartbeatMs = 15_000

/**
 * Answers with the events of the node until the reader leaves or `stopping` fires. A reader that falls behind by
 * more than `apiEventBacklogBytes` is cut off: it has missed nothing that it was told it had.
 */
export const streamEvents = (node: LocalNode, response: ServerResponse, stopping: AbortSignal): void => {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    connection: 'close',
    [fingerprintHeader]: apiFingerprint
  })
  const send = (text: string): void => {
    response.write(text)
    if (response.writableLength > limits.apiEventBacklogBytes) response.destroy()
  }
  send(': open\n\n')
  const unsubscribe = node.onEvent((event) =>
    send(`event: ${event.event}\ndata: ${inertJson(JSON.stringify(event))}\n\n`)
  )
  const heartbeat = setInterval(() => send(': here\n\n'), heartbeatMs).unref()
  const end = (): void => {
    response.end()
  }
  stopping.addEventListener('abort', end, { once: true })
  response.once('close', () => {
    unsubscribe()
    clearInterval(heartbeat)
    stopping.removeEventListener('abort', end)
  })
  if (stopping.aborted) end()
}
