import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import type { NetcheckResponse, Status } from '@agent-mesh/wire/api'
import { Namespaces, whyNot, type Nat } from '../../packages/transport-tcp-punch/test/harness/namespaces.ts'

const bin = fileURLToPath(new URL('../../apps/mesh-node/bin/mesh-node.js', import.meta.url))
const reason = whyNot()
const named = (name: string): string => (reason === undefined ? name : `${name} [${reason}]`)

let lab: Namespaces | undefined
let folder = ''
const nodes: ChildProcess[] = []

afterEach(async () => {
  for (const node of nodes.splice(0)) {
    const exit = once(node, 'exit')
    node.kill('SIGKILL')
    await exit
  }
  lab?.close()
  lab = undefined
  await rm(folder, { recursive: true, force: true })
})

/** A command for the node of that name, which is reached from every namespace: by a socket in the file system. */
const ask = async <T>(name: string, ...words: string[]): Promise<T> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    bin,
    ...words,
    '--json',
    '--state-dir',
    join(folder, name)
  ])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the command prints what the schema says
  return JSON.parse(stdout) as T
}

const up = async (name: string, address: string, nat: Nat = 'none', ticket?: string): Promise<void> => {
  const namespace = lab?.addHost(name, address, nat) ?? ''
  const inside = ['netns', 'exec', namespace, process.execPath, bin]
  const state = ['--state-dir', join(folder, name)]
  if (ticket === undefined) await ask(name, 'network', 'create', '--name', name)
  else await promisify(execFile)('ip', [...inside, 'join', ticket, '--name', name, ...state])
  nodes.push(spawn('ip', [...inside, 'up', '--listen', '/ip4/0.0.0.0/tcp/4001', ...state], { stdio: 'ignore' }))
  await vi.waitFor(async () => ask<Status>(name, 'status'), { timeout: 30_000, interval: 500 })
}

const cells: Array<[Nat, NetcheckResponse['mapping']]> = [
  ['none', 'none'],
  ['port-restricted', 'endpoint-independent'],
  ['symmetric', 'address-dependent']
]

test.skipIf(reason !== undefined)(
  named('netcheck behind each NAT names it by what two public members see'),
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'mesh-netcheck-'))
    lab = new Namespaces()
    await up('one', '5.5.5.10')
    const { ticket } = await ask<{ ticket: string }>('one', 'invite', '--uses', '4')
    await up('two', '5.5.5.20', 'none', ticket)
    for (const [place, [nat, mapping]] of cells.entries()) {
      const name = `agent-${place}`
      const address = `5.5.5.${place + 1}`
      await up(name, address, nat, ticket)
      await vi.waitFor(
        async () => {
          const found = await ask<NetcheckResponse>(name, 'netcheck')
          const seen = found.servers.filter(({ mapped }) => mapped !== undefined)
          console.log(nat, found.udp, found.mapping, seen.map((one) => `${one.name} ${one.mapped}`).join(', '))
          expect(found).toMatchObject({ udp: 'works', mapping })
          expect(new Set(seen.map((one) => one.mapped?.split(':')[0]))).toEqual(new Set([address]))
        },
        { timeout: 45_000, interval: 1_000 }
      )
    }
  },
  180_000
)
