import { toMeshError } from '@agent-mesh/wire'
import type { Tunnel } from '@agent-mesh/client'
import { openEcho } from './echo-call.ts'
import type { Member } from './member.ts'

const everyMs = 100

/** One tunnel on which numbers go out all the time and come back. */
export class Talk {
  readonly #tunnel: Tunnel
  readonly #stopping = new AbortController()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #back = 0
  #rest = ''
  /** What it ended with; undefined while it runs. */
  code: string | undefined
  endedMs: number | undefined
  lastMs = performance.now()
  isWrong = false

  private constructor(tunnel: Tunnel) {
    this.#tunnel = tunnel
    tunnel.on('data', (chunk: Buffer) => this.#read(chunk.toString()))
    tunnel.on('error', (err) => {
      this.code ??= toMeshError(err).code
    })
    tunnel.once('close', () => {
      this.endedMs = performance.now()
      this.code ??= 'closed without a code'
      clearInterval(this.#timer)
    })
    this.#timer = setInterval(() => tunnel.write(`${this.#sent++}\n`), everyMs)
  }

  static async open(from: Member, to: Member): Promise<Talk> {
    const { tunnel } = await openEcho(from, to, AbortSignal.timeout(30_000))
    return new Talk(tunnel)
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      // Each number once and in its order: nothing was lost in between.
      if (Number(line) !== this.#back++) this.isWrong = true
      this.lastMs = performance.now()
    }
  }

  get isRunning(): boolean {
    return this.code === undefined
  }

  stop(): void {
    this.#stopping.abort()
    clearInterval(this.#timer)
    this.#tunnel.destroy()
  }
}
