import { meshNode, startNode, type Running } from './child-process.ts'
import { name, say, short } from './stage.ts'

interface Ready {
  peerId: string
  name: string
  network: string
  addresses: string[]
}

/** What a verb says of its failure under `--json`. */
export interface Problem {
  code: string
  layer: string
  message: string
  hint: string
}

/** A node of the demo, by its state directory. */
export class Member {
  readonly stateDir: string
  node: Running | undefined
  ready: Ready = { peerId: '', name: '', network: '', addresses: [] }

  constructor(stateDir: string) {
    this.stateDir = stateDir
  }

  /** Starts the node; it is usable when this returns. */
  async up(): Promise<void> {
    this.node = await startNode(this.stateDir)
    this.ready = JSON.parse(this.node.firstLine)
    const { peerId, addresses } = this.ready
    say(
      'up',
      `${name(this.ready.name)} is ${short(peerId)} at ${addresses[0] ?? 'no address'}, process ${this.node.pid}`
    )
  }

  /** Runs a verb that has to succeed. @returns the text of its document */
  async verb(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await meshNode(this.stateDir, args)
    if (code !== 0) throw new Error(`mesh-node ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
    return stdout
  }

  /** Runs a verb that has to fail. */
  async refusal(...args: string[]): Promise<Problem & { exitCode: number }> {
    const { code: exitCode, stdout, stderr } = await meshNode(this.stateDir, args)
    if (exitCode === 0) throw new Error(`mesh-node ${args.join(' ')} should have failed, but said ${stdout}`)
    const { error }: { error: Problem } = JSON.parse(stderr)
    return { ...error, exitCode }
  }

  /** Ends the node. @returns the exit code, or the name of the signal */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    if (this.node === undefined) throw new Error('the node does not run')
    return this.node.end(signal)
  }
}
