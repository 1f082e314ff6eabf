/**
 * A capability that survives its agents. Three processes can count; Bob asks whoever can, with `fetch`. Two of the three are
 * killed while he asks, each right after it has answered. Every request is answered; who answers changes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createClient } from '@agent-mesh/client'
import { createFetch } from '@agent-mesh/client/undici'
import { startAgent } from '@agent-mesh/node'

const folder = await mkdtemp(join(tmpdir(), 'mesh-failover-'))
const bob = await startAgent({ name: 'bob', isFounder: true, listen: ['/ip4/127.0.0.1/tcp/0'] })
const fetch = createFetch(createClient({ socketPath: bob.socketPath }))
const running = new Map<string, ChildProcess>()

const startOne = async (name: string): Promise<void> => {
  const program = join(import.meta.dirname, 'agent.ts')
  const words = [...process.execArgv, program, name, join(folder, name), await bob.invite()]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  running.set(name, child)
  const [peerId] = await once(createInterface(child.stdout), 'line')
  console.log(`${name} is ${String(peerId)}`)
}

const kill = async (name: string): Promise<void> => {
  const child = running.get(name)
  running.delete(name)
  if (child === undefined) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

try {
  await Promise.all(['carol', 'dave', 'erin'].map(startOne))
  while ((await bob.find('x-demo/counting')).candidates.length < 3) await new Promise((done) => setTimeout(done, 100))

  const counts = new Map<string, number>()
  for (let number = 1; number <= 30; number++) {
    const response = await fetch(`http://counting.cap.mesh/${number}`)
    const [, name = ''] = /;name="(\w+)"/.exec(response.headers.get('mesh-served-by') ?? '') ?? []
    const text = await response.text()
    if (text !== `${name} counts ${number}`) throw new Error(`${name} was said to answer, and it was: ${text}`)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    if (number % 10 !== 0 || number === 30) continue
    await kill(name)
    console.log(`${name} answered request ${number} and was killed`)
  }
  console.log(`30 of 30 answered: ${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')}`)
  console.log(`${[...running.keys()].join()} lives on`)
} finally {
  await fetch.close()
  for (const name of running.keys()) await kill(name)
  await bob.close()
  await rm(folder, { recursive: true, force: true })
}
