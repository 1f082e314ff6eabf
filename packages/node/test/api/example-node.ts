import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished, vi, type Mocked } from 'vitest'
import { createClient, type Client } from '@agent-mesh/client'
import type { ForwardDocument, NetworkInfo, NodeEvent, Publication, Status } from '@agent-mesh/wire/api'
import { startApi, type ApiServer } from '../../src/api/server.ts'
import type { LocalNode } from '../../src/local-node.ts'

export const peerId = '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ'

export const networkInfo: NetworkInfo = {
  network: 'abc',
  rootKey: 'CAES',
  peerId,
  name: 'alice',
  groups: ['translators'],
  mayAdmit: true,
  hasRootKey: true,
  certificate: {
    serial: '1',
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2026-02-01T00:00:00.000Z',
    issuer: peerId,
    isIssuedByRoot: true
  }
}

export const publication: Publication = { storedBy: 2, untilMs: 5, sequence: 1, capabilities: ['a/b'] }

export const forward: ForwardDocument = {
  id: 'f1',
  listen: '127.0.0.1:4000',
  target: 'bob/web',
  isPersistent: true,
  openTunnels: 0,
  totalTunnels: 3
}

export const status: Status = {
  version: '0.1.0',
  pid: 1,
  startedMs: 2,
  stateDir: '/srv/a',
  network: networkInfo,
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  peers: { connected: 1, known: 2, routingTable: 3 },
  publication,
  services: [],
  capabilities: [{ capability: 'a/b', service: 'web' }],
  forwards: [forward],
  tunnels: { open: 0, total: 1, bytesIn: 2, bytesOut: 3 },
  settings: [{ key: 'listen', value: '[]', source: 'flag' }],
  warnings: []
}

const service = { name: 'web', kind: 'http' as const, address: 'http://127.0.0.1:8000', capabilities: ['a/b'] }
const published = { capability: 'a/b', service: 'web', publication, suggestions: [] }
const reached = { peerId, name: 'bob', path: 'direct' as const, rttMs: 1.5 }

export type ExampleNode = Mocked<LocalNode> & {
  emit: (event: NodeEvent) => void
  listeners: Set<(event: NodeEvent) => void>
}

/** A node that answers everything with the documents above. */
export const exampleNode = (): ExampleNode => {
  const listeners = new Set<(event: NodeEvent) => void>()
  return {
    listeners,
    emit: (event) => listeners.forEach((listener) => listener(event)),
    status: vi.fn(async () => status),
    network: vi.fn(() => networkInfo),
    invite: vi.fn(async () => ({
      ticket: 'mesh1x',
      expires: '2026-01-02T00:00:00.000Z',
      uses: 1,
      groups: [],
      network: 'abc'
    })),
    serve: vi.fn(async () => ({ service, publication })),
    unserve: vi.fn(async () => {}),
    services: vi.fn(() => [service]),
    publish: vi.fn(async () => published),
    unpublish: vi.fn(async () => published),
    find: vi.fn(async () => ({ candidates: [], suggestions: ['a/b'], elapsedMs: 3 })),
    peers: vi.fn(async () => []),
    dial: vi.fn(async () => ({ ...reached, addresses: [] })),
    ping: vi.fn(async () => reached),
    addForward: vi.fn(async () => forward),
    removeForward: vi.fn(async () => forward),
    forwards: vi.fn(() => [forward]),
    whois: vi.fn(() => ({ peerId, groups: [], service: 'web', path: 'direct' as const, sinceMs: 4 })),
    connect: vi.fn(async () => {
      throw new Error('no tunnel in this test')
    }),
    onEvent: vi.fn((listener: (event: NodeEvent) => void) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    }),
    stop: vi.fn(async () => {})
  }
}

export interface Served {
  node: ExampleNode
  api: ApiServer
  client: Client
  socketPath: string
}

/** The example node behind a real API server on a real unix socket, until the test ends. */
export const serveExample = async (): Promise<Served> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-api-'))
  const socketPath = join(folder, 'api.sock')
  const node = exampleNode()
  const api = await startApi(node, { socketPath, logger: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await api.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { node, api, socketPath, client: createClient({ socketPath, timeoutMs: 5_000 }) }
}
