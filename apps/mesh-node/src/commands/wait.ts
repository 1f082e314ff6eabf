import type { Client } from '@agent-mesh/client'
import { MeshError } from '@agent-mesh/wire/errors'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { look, lookMs, parseCondition, type Condition, type Look } from '../wait-condition.ts'

/** Without any event, it is looked again after this long: what others publish tells nobody by itself. */
const pollMs = 1_000
/** After an event, so that a burst of them is one look. */
const settleMs = 100
const progressMs = 2_000

/** Rings at each event of the node. A node that is not there, or goes, is tried again with the next look. */
class Bell {
  readonly #client: Client
  readonly #signal: AbortSignal
  #ring: () => void = () => {}
  #wake: () => void = () => {}
  #isListening = false

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** Listens where it does not yet. */
  listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.#follow()
      .catch(() => {}) // the look itself tells that there is no node
      .finally(() => {
        this.#isListening = false
      })
  }

  async #follow(): Promise<void> {
    for await (const _ of this.#client.events({ signal: this.#signal })) this.#ring()
  }

  /** Resolves some time after an event, after a pause without one, or when the wait is over. */
  async next(): Promise<void> {
    if (this.#signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    let timer = setTimeout(resolve, pollMs)
    this.#ring = () => {
      this.#ring = () => {}
      clearTimeout(timer)
      timer = setTimeout(resolve, settleMs)
    }
    await promise
    clearTimeout(timer)
  }
}

const until = async (
  client: Client,
  condition: Condition,
  end: AbortSignal,
  onMissing: (text: string) => void
): Promise<Look> => {
  const over = new AbortController()
  const bell = new Bell(client, AbortSignal.any([end, over.signal]))
  try {
    for (;;) {
      bell.listen()
      const found = await look(client, condition, AbortSignal.any([end, AbortSignal.timeout(2 * lookMs)]))
      if (found.isMet || end.aborted) return found
      onMissing(found.missing)
      await bell.next()
    }
  } finally {
    over.abort()
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`

const waitFor = async (text: string, timeoutMs: number, context: Context): Promise<void> => {
  const condition = parseCondition(text)
  const startedMs = performance.now()
  let missing = 'asking the node'
  const progress = setInterval(() => {
    const spentMs = performance.now() - startedMs
    context.note(`${missing} … ${seconds(spentMs)} of ${seconds(timeoutMs)}`)
  }, progressMs)
  try {
    const found = await context.ask((client) =>
      until(client, condition, AbortSignal.timeout(timeoutMs), (why) => {
        missing = why
      })
    )
    const elapsedMs = Math.round(performance.now() - startedMs)
    if (!found.isMet)
      throw new MeshError('TIMEOUT', `${text} did not come true in ${seconds(timeoutMs)}: ${missing}.`, {
        hint: `${context.here('status')}; a longer --timeout`
      })
    context.print({ for: text, elapsedMs, ...found.found }, () => [`${text} after ${(elapsedMs / 1_000).toFixed(1)} s`])
  } finally {
    clearInterval(progress)
  }
}

export const wait: Command = {
  command: 'wait',
  describe:
    'Wait until an agent, a capability, a service or so many members are there. Exits with 5 where they do not come.',
  options: [
    {
      flags: '--for <condition>',
      describe:
        'capability:<path> (somebody offers it), peer:<member> (it is reached), service:<target> (it can be used), members:<number> (so many are connected or known to be alive, this node included)'
    },
    { flags: '--timeout <duration>', describe: 'longest wait; 60s without it' }
  ],
  examples: [
    {
      command: 'mesh-node wait --for capability:language_processing/translation && ./agent',
      describe: 'start when the others are there'
    },
    { command: 'mesh-node wait --for members:5 --timeout 5m', describe: 'until the network has formed' },
    { command: 'mesh-node wait --for service:bob/web', describe: 'until a request to it would get through' }
  ],
  handler: async (input, context) => {
    const condition = input.text('for')
    if (condition === undefined)
      throw new MeshError('USAGE', 'It takes a condition to wait for.', { hint: context.here('wait --for members:2') })
    await waitFor(condition, input.duration('timeout', 100, 24 * 3_600_000) ?? 60_000, context)
  }
}
