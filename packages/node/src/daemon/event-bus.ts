import type { NodeEvent } from '@agent-mesh/wire/api'
import type { Logger } from 'pino'
import { EventPace } from './event-pace.ts'

type Fields = NodeEvent['fields']
type Level = 'error' | 'warn' | 'info' | 'debug'

/**
 * One event goes to the log and to everyone who listens at the local API, under one name and with the same fields. Of
 * many equal ones the log gets some, with the number of those left out as `missed`.
 */
export class EventBus {
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #logger: Logger
  readonly #pace = new EventPace()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  emit(level: Level, event: string, fields: Fields = {}): void {
    this.#write(level, event, fields)
    const message: NodeEvent = { event, atMs: Date.now(), fields }
    for (const listener of this.#listeners) listener(message)
  }

  #write(level: Level, event: string, fields: Fields): void {
    if (!this.#logger.isLevelEnabled(level)) return
    const { isWritten, missed } = this.#pace.take(event, performance.now())
    if (isWritten) this.#logger[level]({ event, ...fields, ...(missed === 0 ? {} : { missed }) })
  }

  on(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

/** Of an event of the data plane. */
export const levelOf = (event: string): 'debug' | 'info' | 'warn' => {
  if (event.endsWith('failed') || event.endsWith('refused')) return 'warn'
  return event === 'program:stderr' ? 'info' : 'debug'
}
