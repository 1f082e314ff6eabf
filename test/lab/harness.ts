import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, expect, vi } from 'vitest'
import { createMesh } from '@agent-mesh/testkit'
import { createClient, type Client, type Tunnel } from '@agent-mesh/client'
import { createLab, type LabHost } from '@agent-mesh/testkit/lab'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { meshNodeBin, run, start, type RunResult } from '../e2e/harness/command.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

/** What a test has made, undone before the next one; what a cut run leaves is undone at its end. */
const undo: Array<() => unknown> = []
const undoAll = async (): Promise<void> => {
  for (const one of undo.splice(0).toReversed()) await one()
}
afterEach(undoAll)
onCleanup(undoAll)

/** A node of the lab, on a host of its own. */
export interface LabNode {
  name: string
  host: LabHost
  client: Client
  peerId: string
  stateDir: string
  /** `mesh-node` in the host. */
  meshNode: (...args: string[]) => Promise<RunResult>
}

const listen = `require('net').createServer((s) => { s.on('error', () => {}); s.pipe(s) }).listen(7000, '127.0.0.1', () => console.log('ready'))`

/** Nodes with public addresses that know the first of them; each serves `echo`. */
export const startNodes = async (names: string[]): Promise<LabNode[]> => {
  const lab = createLab()
  const mesh = await createMesh(names)
  undo.push(async () => mesh.close(), lab.close)
  for (const member of mesh.members) await member.stop()
  const bootstrap = `/ip4/5.5.5.1/tcp/4001/p2p/${mesh.members[0]?.node.ready.peerId}`
  return Promise.all(
    mesh.members.map(async ({ name, directory, node }, at): Promise<LabNode> => {
      const host = lab.addHost(name, `5.5.5.${at + 1}`)
      const echo = start(...host.command(process.execPath, '-e', listen))
      if (echo.stdout === null) throw new Error('the echo server says nothing')
      await once(createInterface({ input: echo.stdout }), 'line')
      const stateDir = directory.path
      const more = at === 0 ? [] : ['--bootstrap', bootstrap]
      const args = ['up', '--json', '--listen', '/ip4/0.0.0.0/tcp/4001', ...more]
      const child = start(...host.command(process.execPath, meshNodeBin, ...args), { stateDir })
      if (process.env['MESH_TEST_LOG'] !== undefined) child.stderr?.pipe(process.stderr)
      const client = createClient({ socketPath: (await untilReady(child)).api })
      await client.serve('echo', { address: 'tcp://127.0.0.1:7000' })
      const meshNode = async (...words: string[]): Promise<RunResult> =>
        run(...host.command(process.execPath, meshNodeBin, ...words), { stateDir })
      return { name, host, client, peerId: node.ready.peerId, stateDir, meshNode }
    })
  )
}

/** Rules of `nft` in a host, for what comes in. */
export const dropFrom = async (at: LabHost, from: LabHost, rule: string): Promise<void> => {
  const table = `add table ip fault; add chain ip fault in { type filter hook input priority 0; }`
  const text = `${table}; add rule ip fault in ip saddr ${from.publicAddress} ${rule}`
  const { code, stderr } = await run(...at.command('nft', text))
  if (code !== 0) throw new Error(stderr)
}

/** Holds a tunnel open, so that the path is in use. */
export const holdTunnel = async (from: LabNode, to: LabNode): Promise<Tunnel> => {
  const isConnected = async (): Promise<boolean> =>
    (await from.client.peers()).some(({ peerId, state }) => peerId === to.peerId && state === 'connected')
  await vi.waitFor(async () => expect(await isConnected()).toBe(true), { timeout: 20_000, interval: 200 })
  const tunnel = await from.client.connect(`${to.name}/echo`)
  tunnel.on('error', () => {}) // ends with the lab
  undo.push(() => tunnel.destroy())
  return tunnel
}
