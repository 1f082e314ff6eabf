import type { NodeEvent } from '@agent-mesh/wire/api'
import type { Logger } from 'pino'

type Fields = NodeEvent['fields']
type Level = 'error' | 'warn' | 'info' | 'debug'

/** One event goes to the log and to everyone who listens at the local API, under one name and with the same fields. */
export class EventBus {
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  emit(level: Level, event: string, fields: Fields = {}): void {
    this.#logger[level]({ event, ...fields })
    const message: NodeEvent = { event, atMs: Date.now(), fields }
    for (const listener of this.#listeners) listener(message)
  }

  on(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
