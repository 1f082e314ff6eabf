import type { LocalNode } from '@agent-mesh/node'
import type {
  ForwardDocument,
  NetworkInfo,
  NodeEvent,
  ProxyDocument,
  Publication,
  Status,
  Vocabulary
} from '@agent-mesh/wire/api'

/** Of nobody. */
export const examplePeerId = '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ'

export const exampleNetwork: NetworkInfo = {
  network: 'abc',
  rootKey: 'CAES',
  peerId: examplePeerId,
  name: 'alice',
  groups: ['translators'],
  mayAdmit: true,
  hasRootKey: true,
  certificate: {
    serial: '1',
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2026-02-01T00:00:00.000Z',
    issuer: examplePeerId,
    isIssuedByRoot: true
  }
}

const publication: Publication = { storedBy: 2, untilMs: 5, sequence: 1, capabilities: ['a/b'] }

export const exampleForward: ForwardDocument = {
  id: 'f1',
  listen: '127.0.0.1:4000',
  target: 'bob/web',
  isPersistent: true,
  openTunnels: 0,
  totalTunnels: 3
}

const exampleProxy: ProxyDocument = {
  id: 'p1',
  kind: 'http',
  listen: '127.0.0.1:8118',
  suffix: 'mesh',
  allowRemote: false,
  allowOutside: [],
  isPersistent: true,
  openConnections: 0,
  totalConnections: 2,
  failedRequests: 1
}

export const exampleStatus: Status = {
  version: '0.1.0',
  pid: 1,
  startedMs: 2,
  stateDir: '/srv/a',
  network: exampleNetwork,
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  peers: { connected: 1, known: 2, routingTable: 3 },
  publication,
  services: [],
  capabilities: [{ capability: 'a/b', service: 'web' }],
  forwards: [exampleForward],
  proxies: [exampleProxy],
  tunnels: { open: 0, total: 1, bytesIn: 2, bytesOut: 3 },
  settings: [{ key: 'listen', value: '[]', source: 'flag' }],
  warnings: []
}

const service = { name: 'web', kind: 'http' as const, address: 'http://127.0.0.1:8000', capabilities: ['a/b'] }
const published = { capability: 'a/b', service: 'web', publication, suggestions: [] }
const reached = { peerId: examplePeerId, name: 'bob', path: 'direct' as const, rttMs: 1.5 }

export const exampleVocabulary: Vocabulary = {
  members: [{ peerId: examplePeerId, name: 'bob' }],
  groups: ['translators'],
  capabilities: ['a', 'a/b'],
  services: ['web'],
  targets: ['bob/ssh', 'bob/web'],
  forwards: ['127.0.0.1:4000']
}

const exampleRevocation = {
  peerId: examplePeerId,
  name: 'bob',
  reason: 'left',
  revoked: '2026-01-01T00:00:00.000Z',
  until: '2026-01-31T00:00:00.000Z',
  by: examplePeerId,
  right: 'root' as const
}

export interface ExampleNode extends LocalNode {
  /** Reaches every listener. */
  emit: (event: NodeEvent) => void
  listeners: ReadonlySet<(event: NodeEvent) => void>
}

/** A local node that answers everything with the documents above, for tests of what talks to one. */
export const exampleNode = (): ExampleNode => {
  const listeners = new Set<(event: NodeEvent) => void>()
  return {
    listeners,
    emit: (event) => listeners.forEach((listener) => listener(event)),
    status: async () => exampleStatus,
    network: () => exampleNetwork,
    invite: async () => ({
      ticket: 'mesh1x',
      expires: '2026-01-02T00:00:00.000Z',
      uses: 1,
      groups: [],
      network: 'abc'
    }),
    revoke: async () => exampleRevocation,
    revocations: () => [exampleRevocation],
    signCertificate: async () => ({
      certificate: 'meshcert1x',
      peerId: examplePeerId,
      name: 'bob',
      groups: [],
      serial: '2',
      notAfter: '2026-02-01T00:00:00.000Z'
    }),
    renewCertificate: async () => ({
      serial: '3',
      notAfter: '2026-02-01T00:00:00.000Z',
      issuer: examplePeerId,
      isIssuedByRoot: true
    }),
    rotateKey: async () => ({ oldPeerId: examplePeerId, newPeerId: examplePeerId }),
    serve: async () => ({ service, publication }),
    unserve: async () => {},
    services: () => [service],
    policy: () => ({ state: 'none', version: 0, signers: [], hasFork: false, warnings: [] }),
    pushPolicy: async () => ({ version: 1, hash: 'ab', warnings: [] }),
    checkPolicy: async () => ({ groups: 0, grants: 1, tests: 0, warnings: [] }),
    signPolicy: async () => ({ signed: 'AA==', version: 1, signers: [], signaturesNeeded: 1, warnings: [] }),
    policyStatus: () => ({ state: 'none', version: 0, signers: [], hasFork: false, warnings: [], holders: [] }),
    publish: async () => published,
    unpublish: async () => published,
    find: async () => ({ candidates: [], leftOut: [], suggestions: ['a/b'], elapsedMs: 3 }),
    peers: async () => [],
    dial: async () => ({ ...reached, addresses: [] }),
    ping: async () => reached,
    mtu: async () => ({
      peerId: reached.peerId,
      host: '192.0.2.1',
      mtu: { method: 'by hand', linkMtu: 1_500, out: 1_500, back: 1_500, isTold: false, isBlackHole: false },
      overheads: [],
      ageMs: 0,
      elapsedMs: 1
    }),
    netcheck: async () => ({
      addresses: [],
      udp: 'untested',
      mapping: 'unknown',
      filtering: 'unknown',
      filteringReason: 'it takes members on two hosts that answer over UDP',
      kind: 'unknown',
      servers: [],
      relays: [],
      stun: { endpoints: [], answered: 0, refused: 0 },
      elapsedMs: 1
    }),
    why: async ({ target }) => ({ target, verdict: 'ok', steps: [], elapsedMs: 1 }),
    addForward: async () => exampleForward,
    removeForward: async () => exampleForward,
    forwards: () => [exampleForward],
    addProxy: async () => exampleProxy,
    removeProxy: async () => exampleProxy,
    proxies: () => [exampleProxy],
    whois: () => ({ peerId: examplePeerId, groups: [], service: 'web', path: 'direct', sinceMs: 4 }),
    connect: async () => {
      throw new Error('The test says what it connects to.')
    },
    vocabulary: () => exampleVocabulary,
    metrics: async () => ({ contentType: 'text/plain', text: 'mesh_node_info 1\n' }),
    onEvent: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stop: async () => {}
  }
}
