import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../bin/mesh-node.js', import.meta.url))

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** The built command, with nothing of the tester's own mesh in its environment. */
export const start = (words: string[], nodeOptions: string[] = []): ChildProcessWithoutNullStreams => {
  const { MESH_STATE_DIR: _own, ...env } = process.env
  return spawn(process.execPath, [...nodeOptions, bin, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

export const ended = async (child: ChildProcessWithoutNullStreams): Promise<Ended> => {
  const exit = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await exit
  return { code: child.exitCode, stdout, stderr }
}

/** Runs a command line to its end. */
export const run = (words: string[], input = ''): Promise<Ended> => {
  const child = start(words)
  child.stdin.end(input)
  return ended(child)
}
