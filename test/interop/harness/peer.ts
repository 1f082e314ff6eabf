import { createInterface } from 'node:readline'
import { z } from 'zod'
import { onCleanup } from '../../e2e/harness/cleanup.ts'
import { start } from '../../e2e/harness/command.ts'

const connections = z.array(
  z.object({ peer: z.string(), security: z.string(), muxer: z.string(), isEarlyMuxer: z.boolean().optional() })
)
const identity = z.object({ peerId: z.string(), address: z.string() })
const answer = z.object({ connections: connections.default([]), error: z.string().optional() })

export type Command =
  | { do: 'dial'; address: string }
  /** Opens a stream of the digest echo on the connection that is there, and checks what comes back. */
  | { do: 'call'; peer: string; sizeBytes: number }
  | { do: 'connections' }

/** A libp2p host that is not ours, in a process of its own. */
export interface Peer {
  peerId: string
  /** With its peer id. */
  address: string
  /** Does one thing. @returns the connections that it has then, and why it could not do it */
  ask: (command: Command) => Promise<z.infer<typeof answer>>
}

/** Starts a program that takes one JSON object a line and answers each with one; its first line says who it is. */
export const startPeer = async (program: string, ...args: string[]): Promise<Peer> => {
  const child = start(program, args)
  const { stdin, stdout, stderr } = child
  if (stdin === null || stdout === null) throw new Error('the peer has no pipes')
  let said = ''
  stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)))
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`the peer ended: ${said}`)
    return JSON.parse(value)
  }
  onCleanup(() => void stdin.end())
  const { peerId, address } = identity.parse(await next())
  return {
    peerId,
    address: `${address}/p2p/${peerId}`,
    ask: async (command) => {
      stdin.write(`${JSON.stringify(command)}\n`)
      return answer.parse(await next())
    }
  }
}
