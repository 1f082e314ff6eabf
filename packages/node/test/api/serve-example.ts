import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished, vi, type Mocked } from 'vitest'
import { createClient, type Client } from '@agent-mesh/client'
import { exampleNode, type ExampleNode } from '@agent-mesh/testkit/example-node'
import { startApi, type ApiServer } from '../../src/api/server.ts'

export interface Served {
  node: Mocked<ExampleNode>
  api: ApiServer
  client: Client
  socketPath: string
}

/** The example node, with every method watched. */
const watchedNode = (): Mocked<ExampleNode> => {
  const node = exampleNode()
  const isMethod = (name: string): name is Exclude<keyof ExampleNode, 'listeners'> =>
    name in node && name !== 'listeners'
  for (const name of Object.keys(node).filter(isMethod)) vi.spyOn(node, name)
  return vi.mocked(node)
}

/** The example node behind a real API server on a real unix socket, until the test ends. */
export const serveExample = async (): Promise<Served> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-api-'))
  const socketPath = join(folder, 'api.sock')
  const node = watchedNode()
  const api = await startApi(node, { socketPath, logger: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await api.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { node, api, socketPath, client: createClient({ socketPath, timeoutMs: 5_000 }) }
}
