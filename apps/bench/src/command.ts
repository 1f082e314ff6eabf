import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { atEnd } from './at-end.ts'
import type { Host } from './place/place.ts'

/** The command as it was built here, or another one that `MESH_BENCH_NODE` names: one that was installed from a package. */
export const command =
  process.env['MESH_BENCH_NODE'] ??
  join(dirname(createRequire(import.meta.url).resolve('mesh-node/package.json')), 'bin', 'mesh-node.js')

const on = (side: Host | undefined, ...args: string[]): [string, string[]] =>
  side === undefined ? [process.execPath, args] : side.command(process.execPath, ...args)

/** A state directory by itself, or on a side from which the verb reaches other nodes. */
type Where = string | { stateDir: string; side: Host }

/** Runs a verb of the command. @returns what it prints under `--json` */
export const verb = async (where: Where, ...args: string[]): Promise<unknown> => {
  const { stateDir, side } = typeof where === 'string' ? { stateDir: where, side: undefined } : where
  const child = spawn(...on(side, command, ...args, '--json', '--state-dir', stateDir), {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(child, 'exit')
  const said = await text(child.stdout)
  const [code] = await ended
  if (code !== 0) throw new Error(`mesh-node ${args.join(' ')} ended with ${String(code)}`)
  return JSON.parse(said)
}

/** A string within a document, by the names and places that lead to it. */
export const fieldOf = (document: unknown, ...path: string[]): string => {
  let one = document
  for (const step of path) one = Object(one)[step]
  if (typeof one !== 'string') throw new Error(`${path.join('.')} is not there`)
  return one
}

/** Starts a node on the one address of a side, 127.0.0.1 without one, and waits until it is usable; `more` are flags. */
export const up = async (stateDir: string, side?: Host, ...more: string[]): Promise<ChildProcess> => {
  const flags = ['--listen', `/ip4/${side?.address ?? '127.0.0.1'}/tcp/0`, '--log-level', 'silent', ...more]
  const child = spawn(...on(side, command, 'up', '--json', ...flags, '--state-dir', stateDir), {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  child.once(
    'exit',
    atEnd(() => child.kill('SIGKILL'))
  )
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('"ready"')) return child
  throw new Error('the node ended before it was ready')
}

/** Stops a node as a service manager would. */
export const down = async (node: ChildProcess): Promise<void> => {
  if (node.exitCode !== null || node.signalCode !== null) return
  node.kill('SIGTERM')
  await once(node, 'exit')
}
