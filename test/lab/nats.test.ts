import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expect, test, vi } from 'vitest'
import { createMesh } from '@agent-mesh/testkit'
import { createLab, sweep, whyNoLab, type LabHost } from '@agent-mesh/testkit/lab'
import { createClient, type Client } from '@agent-mesh/client'
import { meshNodeBin, run, start } from '../e2e/harness/command.ts'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const labTest = test.skipIf(reason !== undefined)

const reach = `const s = require('net').connect(7000, process.argv[1]);
s.setTimeout(1000, () => process.exit(2)); s.on('error', () => process.exit(1)); s.on('connect', () => process.exit(0))`
const listen = `require('net').createServer().listen(7000, () => console.log('ready'))`

/** @returns 0 connected, 1 refused or no way, 2 no answer in a second */
const reaches = async (from: LabHost, to: LabHost): Promise<number | null> =>
  (await run(...from.command(process.execPath, '-e', reach, to.publicAddress))).code

labTest(`a cable that is cut or silent carries nothing until it is restored${why}`, async () => {
  const lab = createLab()
  onCleanup(lab.close)
  const server = lab.addHost('server', '5.5.5.10')
  const client = lab.addHost('client', '5.5.5.1', 'port-restricted')
  const child = start(...server.command(process.execPath, '-e', listen))
  if (child.stdout === null) throw new Error('the server says nothing')
  await once(createInterface({ input: child.stdout }), 'line')
  expect(await reaches(client, server)).toBe(0)
  expect(await reaches(server, client)).toBe(2)
  server.silence()
  expect(await reaches(client, server)).toBe(2)
  server.restore()
  expect(await reaches(client, server)).toBe(0)
  server.cut()
  expect(await reaches(client, server)).not.toBe(0)
  server.restore()
  await vi.waitFor(async () => expect(await reaches(client, server)).toBe(0), 10_000)
})

labTest(`what a killed lab leaves behind goes when the next one starts, and a living one stays${why}`, async () => {
  const lab = createLab()
  onCleanup(lab.close)
  const program = `import { createLab } from '@agent-mesh/testkit/lab'
createLab().addHost('orphan', '5.5.5.1'); console.log('ready'); setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname })
  onCleanup(() => void child.kill('SIGKILL'))
  await once(createInterface({ input: child.stdout }), 'line')
  const tag = `mesh-lab-${child.pid}-`
  expect(sweep().filter((name) => name.startsWith(tag))).toEqual([])
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  expect(sweep().filter((name) => name.startsWith(tag))).toHaveLength(2)
  lab.addHost('still', '5.5.5.2')
})

labTest(`two nodes behind port-restricted NATs are connected through what a public one knows${why}`, async () => {
  const lab = createLab()
  const mesh = await createMesh(['relay', 'alice', 'bob'])
  onCleanup(async () => mesh.close())
  onCleanup(lab.close)
  for (const member of mesh.members) await member.stop()
  const hosts = [
    lab.addHost('relay', '5.5.5.10'),
    lab.addHost('alice', '5.5.5.1', 'port-restricted'),
    lab.addHost('bob', '5.5.5.2', 'port-restricted')
  ]
  const bootstrap = `/ip4/5.5.5.10/tcp/4001/p2p/${mesh.members[0]?.node.ready.peerId}`
  const clients: Client[] = []
  for (const [at, host] of hosts.entries()) {
    const stateDir = mesh.members[at]?.directory.path ?? ''
    const more = at === 0 ? [] : ['--bootstrap', bootstrap]
    const args = [meshNodeBin, 'up', '--json', '--listen', '/ip4/0.0.0.0/tcp/4001', ...more]
    const child = start(...host.command(process.execPath, ...args), { stateDir })
    clients.push(createClient({ socketPath: (await untilReady(child)).api }))
  }
  const bob = mesh.members[2]?.node.ready.peerId
  await vi.waitFor(
    async () => {
      const peers = await clients[1]?.peers()
      expect(peers).toContainEqual(expect.objectContaining({ peerId: bob, state: 'connected' }))
    },
    { timeout: 30_000, interval: 200 }
  )
  const path = (await clients[1]?.peers())?.find(({ peerId }) => peerId === bob)?.path
  console.log(`port-restricted to port-restricted: ${path}`)
  expect(['punched', 'webrtc', 'relayed']).toContain(path)
})
