import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach } from 'vitest'
import { z } from 'zod'
import {
  dialResponse,
  forward,
  type CandidateDocument,
  type DialResponse,
  type ForwardDocument,
  type PeerDocument,
  type Status
} from '@agent-mesh/wire/api'
import { createClient, type Client } from '@agent-mesh/client'
import { onCleanup } from './cleanup.ts'
import { meshNode, meshNodeBin, meshNodeJson, start, type RunOptions, type RunResult } from './command.ts'
import { peakRssBytes, rssBytes } from './proc.ts'
import type { ChildProcess } from 'node:child_process'

const readyEvent = z.object({
  event: z.literal('ready'),
  peerId: z.string(),
  name: z.string(),
  network: z.string(),
  addresses: z.array(z.string()),
  api: z.string()
})

export type ReadyEvent = z.infer<typeof readyEvent>

/** Every node under test binds this, whatever the test adds. */
const localOnly = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const

const nodes = new Set<MeshProcess>()

/** What the nodes said lately, for whoever reads of the failure. */
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return
  for (const node of nodes) {
    process.stderr.write(`--- ${node.name}\n${node.log.slice(-30).join('\n')}\n`)
    if (!node.isRunning) nodes.delete(node)
  }
})

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Reads what a node prints until it says that it is usable. @throws Error with its log where it does not */
export const untilReady = async (child: ChildProcess, log: string[] = [], timeoutMs = 30_000): Promise<ReadyEvent> => {
  if (child.stdout === null || child.stderr === null) throw new Error('the node has no output')
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const lines = createInterface({ input: child.stdout })
  const { promise, resolve, reject } = Promise.withResolvers<ReadyEvent>()
  const fail = (why: string): void => reject(new Error(`mesh-node up ${why}\n${log.join('\n')}`))
  const timer = setTimeout(fail, timeoutMs, `was not ready in ${timeoutMs} ms`)
  lines.on('line', (line) => {
    log.push(line)
    const event = readyEvent.safeParse(parseJson(line))
    if (event.success) resolve(event.data)
  })
  child.once('close', (code, signal) => fail(`ended with ${code ?? signal}`))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

export interface UpOptions {
  /** More flags of `up`; the listen address is set already. */
  args?: readonly string[]
  env?: Record<string, string>
  timeoutMs?: number
  /** Called before anybody else learns of the node. */
  onReady?: (node: MeshProcess) => void
}

/** A `mesh-node up` process and the verbs on it. */
export class MeshProcess {
  readonly stateDir: string
  readonly ready: ReadyEvent
  /** What it printed, both streams, line by line. */
  readonly log: readonly string[]
  /** For what is asked again and again; verbs under test go through the command. */
  readonly client: Client
  readonly #child: ChildProcess

  private constructor(stateDir: string, child: ChildProcess, ready: ReadyEvent, log: readonly string[]) {
    this.stateDir = stateDir
    this.#child = child
    this.ready = ready
    this.log = log
    this.client = createClient({ socketPath: ready.api })
  }

  /** Starts a node on a state directory that belongs to a network, and waits until it is usable. */
  static async up(
    stateDir: string,
    { args = [], env = {}, timeoutMs = 30_000, onReady }: UpOptions = {}
  ): Promise<MeshProcess> {
    const child = start(
      process.execPath,
      [meshNodeBin, 'up', '--json', ...(args.includes('--listen') ? [] : localOnly), ...args],
      { stateDir, env }
    )
    const log: string[] = []
    const ready = await untilReady(child, log, timeoutMs)
    const node = new MeshProcess(stateDir, child, ready, log)
    nodes.add(node)
    onCleanup(async () => {
      await node.kill()
    })
    onReady?.(node)
    return node
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get peerId(): string {
    return this.ready.peerId
  }

  get name(): string {
    return this.ready.name
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get rssBytes(): number {
    return rssBytes(this.pid)
  }

  get peakRssBytes(): number {
    return peakRssBytes(this.pid)
  }

  /** A verb as a person types it. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return meshNode(args, { stateDir: this.stateDir, ...options })
  }

  /** A verb that has to succeed; what it prints under `--json`. */
  async json<T>(schema: { parse: (value: unknown) => T }, args: readonly string[]): Promise<T> {
    return meshNodeJson(schema, args, { stateDir: this.stateDir })
  }

  async status(): Promise<Status> {
    return this.client.status()
  }

  /** Members that are connected. */
  async peers(): Promise<PeerDocument[]> {
    return (await this.client.peers()).filter(({ state }) => state === 'connected')
  }

  async find(query: string): Promise<CandidateDocument[]> {
    return (await this.client.find({ query })).candidates
  }

  async dial(target: string): Promise<DialResponse> {
    return this.json(dialResponse, ['dial', target])
  }

  /** Offers a service, with the capabilities that it answers. It is not checked: whoever connects to it is a caller. */
  async serve(service: string, ...capabilities: string[]): Promise<void> {
    await this.json(z.unknown(), [
      'serve',
      service,
      '--no-check',
      ...capabilities.flatMap((one) => ['--capability', one])
    ])
  }

  /** Opens a local door to a service of another node. */
  async forward(target: string, listen = '127.0.0.1:0'): Promise<ForwardDocument & { host: string; port: number }> {
    const document = await this.json(forward, ['forward', listen, target])
    const colon = document.listen.lastIndexOf(':')
    return { ...document, host: document.listen.slice(0, colon), port: Number(document.listen.slice(colon + 1)) }
  }

  /** Sends a signal and waits for the end. @returns the exit code, or null where a signal ended it */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    if (this.isRunning) {
      const ended = once(this.#child, 'exit')
      this.#child.kill(signal)
      await ended
    }
    return this.#child.exitCode
  }

  /** Graceful stop. */
  async stop(): Promise<number | null> {
    return this.signal('SIGTERM')
  }

  /** The end of a process that gets no say in it. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL')
  }
}
