import {
  AgentRecord,
  Certificate,
  CertificateGrant,
  CertificateRequest,
  HealthClaim,
  HealthDigest,
  HealthFrame,
  HealthNeighbour,
  HealthNews,
  HealthService,
  HelloAck,
  HelloAnswer,
  HelloRequest,
  JoinAnswer,
  JoinGrant,
  JoinPlea,
  JoinRequest,
  limits,
  Metadata,
  PolicyDocument,
  RenewAnswer,
  RenewRequest,
  Revocation,
  ServiceInfo,
  SignedDocument,
  SignedPolicy,
  Succession,
  SyncAnnouncement,
  SyncAnswer,
  SyncDelivery,
  SyncRequest,
  SyncState,
  Ticket,
  TunnelAnswer,
  TunnelOpen
} from '@agent-mesh/wire'
import { bytes, sample, type Sample } from './message-sample.ts'
import { pathSamples } from './path-message-samples.ts'

const service: ServiceInfo = { name: 'web', kind: 'http', capabilities: ['language_processing/translation', 'vision'] }
const metadata: Metadata = { key: 'x-later', value: bytes(9, 7) }
const hello: HelloRequest = {
  isOnly: true,
  chain: [bytes(300, 1), bytes(290, 2)],
  instanceId: bytes(16, 3),
  timeMs: 1_790_000_000_000,
  policyVersion: 3,
  revocationsHash: bytes(32, 4),
  agent: 'mesh-node/0.1.0'
}

const signed: SignedDocument = { envelope: bytes(400, 5), chain: [bytes(300, 6), bytes(290, 7)] }
const state: SyncState = { kind: 'policy', digest: bytes(32, 8), version: 7, ageMs: 1_234 }

const claim: HealthClaim = { peerId: bytes(38, 9), state: 2, incarnation: 1_790_000_000_123 }
const healthService: HealthService = {
  name: 'web',
  state: 2,
  sinceMs: 1_790_000_000_000,
  reason: 'connection refused',
  weightPermille: 2_500
}
const neighbour: HealthNeighbour = {
  peerId: bytes(38, 10),
  rttUs: 41_250,
  jitterUs: 300,
  stalls: 2,
  lossPpm: 1_500,
  hasLoss: true,
  lossInPpm: 250,
  hasLossIn: true
}

/** Every message of the protocol. */
export const samples: Sample[] = [
  sample(
    'Certificate',
    Certificate,
    {
      networkKey: bytes(36, 1),
      peerId: bytes(38, 2),
      name: 'alice',
      groups: ['translators', 'ops'],
      notBeforeMs: 1_790_000_000_000,
      notAfterMs: 1_792_592_000_000,
      serial: bytes(16, 3),
      mayAdmit: true,
      policySignatures: 2,
      ephemeral: true
    },
    limits.certificateBytes,
    'CERTIFICATE_INVALID'
  ),
  sample(
    'AgentRecord',
    AgentRecord,
    {
      peerId: bytes(38, 1),
      network: 'abcdefghijklmnopqrstuvwxyz',
      sequence: 41,
      issuedMs: 1_790_000_000_000,
      ttlMs: limits.recordTtlMs,
      addresses: [bytes(8, 2), bytes(12, 3)],
      services: [service, { name: 'echo', kind: 'tcp', capabilities: [] }],
      capabilities: ['planning'],
      withdrawn: true,
      chain: [bytes(300, 4)],
      cardHash: bytes(32, 5)
    },
    limits.recordBytes,
    'RECORD_INVALID'
  ),
  sample('ServiceInfo', ServiceInfo, service, limits.recordBytes, 'RECORD_INVALID'),
  sample('HealthClaim', HealthClaim, claim, limits.healthFrameBytes, 'HEALTH_INVALID'),
  sample('HealthService', HealthService, healthService, limits.digestBytes, 'HEALTH_INVALID'),
  sample('HealthNeighbour', HealthNeighbour, neighbour, limits.digestBytes, 'HEALTH_INVALID'),
  sample(
    'HealthDigest',
    HealthDigest,
    {
      peerId: bytes(38, 1),
      network: 'abcdefghijklmnopqrstuvwxyz',
      incarnation: 1_790_000_000_123,
      sequence: 17,
      timeMs: 1_790_000_000_456,
      isLeaving: true,
      lagMs: 12,
      tunnels: 3,
      services: [healthService],
      neighbours: [neighbour]
    },
    limits.digestBytes,
    'HEALTH_INVALID'
  ),
  sample(
    'HealthNews',
    HealthNews,
    { digest: bytes(400, 11), claims: [claim], timeMs: 1_790_000_000_000, incarnation: 1_790_000_000_123, sequence: 5 },
    limits.gossipMessageBytes,
    'HEALTH_INVALID'
  ),
  sample(
    'HealthFrame',
    HealthFrame,
    {
      kind: 7,
      sequence: 99,
      target: bytes(38, 12),
      claims: [claim],
      view: bytes(32, 13),
      digests: [signed],
      wanted: [bytes(38, 15)],
      isLast: true,
      isAnswer: true
    },
    limits.healthFrameBytes,
    'HEALTH_INVALID'
  ),
  sample('HelloRequest', HelloRequest, hello, limits.helloBytes, 'NOT_A_MEMBER'),
  sample(
    'HelloAnswer',
    HelloAnswer,
    { code: 53, reason: 'clocks differ', hello, retryAfterMs: 30_000 },
    limits.helloBytes,
    'NOT_A_MEMBER'
  ),
  sample('HelloAck', HelloAck, { code: 51, reason: 'no member' }, limits.helloBytes, 'NOT_A_MEMBER'),
  sample(
    'Ticket',
    Ticket,
    {
      networkKey: bytes(36, 1),
      issuer: bytes(38, 2),
      addresses: [bytes(46, 3), bytes(50, 4)],
      inviteId: bytes(16, 5),
      secret: bytes(16, 6),
      sealKey: bytes(32, 7),
      expiresMs: 1_790_086_400_000,
      groups: ['ops'],
      uses: 2
    },
    limits.ticketBytes,
    'TICKET_INVALID'
  ),
  sample(
    'JoinRequest',
    JoinRequest,
    { issuer: bytes(38, 1), inviteId: bytes(16, 2), sealed: bytes(400, 3) },
    limits.joinBytes,
    'TICKET_INVALID'
  ),
  sample(
    'JoinPlea',
    JoinPlea,
    { inviteId: bytes(16, 1), secret: bytes(16, 2), name: 'bob', timeMs: 1_790_000_000_000 },
    limits.joinBytes,
    'TICKET_INVALID'
  ),
  sample(
    'JoinAnswer',
    JoinAnswer,
    { code: 42, reason: 'used', sealed: bytes(700, 1) },
    limits.joinBytes,
    'TICKET_INVALID'
  ),
  sample(
    'JoinGrant',
    JoinGrant,
    { chain: [bytes(300, 1), bytes(290, 2)], addresses: [bytes(46, 3), bytes(50, 4)], policyVersion: 7 },
    limits.joinBytes,
    'TICKET_INVALID'
  ),
  sample('Metadata', Metadata, metadata, limits.tunnelOpenBytes, 'TUNNEL_PROTOCOL'),
  sample(
    'TunnelOpen',
    TunnelOpen,
    {
      service: 'web',
      deadlineMs: 5000,
      traceParent: '00-aa-bb-01',
      metadata: [metadata, { key: '', value: bytes(1, 1) }]
    },
    limits.tunnelOpenBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample(
    'TunnelAnswer',
    TunnelAnswer,
    { code: 90, reason: 'denied', metadata: [metadata] },
    limits.tunnelOpenBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample(
    'CertificateRequest',
    CertificateRequest,
    { peerId: bytes(38, 1), name: 'bob', groups: ['ops', 'ci'], timeMs: 1_790_000_000_000 },
    limits.certificateTextBytes,
    'CERTIFICATE_INVALID'
  ),
  sample(
    'CertificateGrant',
    CertificateGrant,
    { networkKey: bytes(36, 1), chain: [bytes(300, 2), bytes(290, 3)], addresses: [bytes(46, 4), bytes(50, 5)] },
    limits.certificateTextBytes,
    'CERTIFICATE_INVALID'
  ),
  sample('SignedDocument', SignedDocument, signed, limits.revocationBytes, 'REVOCATION_INVALID'),
  sample(
    'PolicyDocument',
    PolicyDocument,
    { networkKey: bytes(36, 1), version: 7, issuedMs: 1_790_000_000_000, source: 'grants: []' },
    limits.policyBytes,
    'POLICY_INVALID'
  ),
  sample('SignedPolicy', SignedPolicy, { signatures: [signed, signed] }, limits.policyBytes, 'POLICY_INVALID'),
  sample(
    'Revocation',
    Revocation,
    {
      networkKey: bytes(36, 1),
      peerId: bytes(38, 2),
      serial: bytes(16, 3),
      revokedMs: 1_790_000_000_000,
      untilMs: 1_792_592_000_000,
      reason: 'the laptop was stolen',
      succession: bytes(250, 4)
    },
    limits.revocationBytes,
    'REVOCATION_INVALID'
  ),
  sample(
    'Succession',
    Succession,
    { networkKey: bytes(36, 1), oldPeer: bytes(38, 2), newPeer: bytes(38, 3), timeMs: 1_790_000_000_000 },
    limits.revocationBytes,
    'REVOCATION_INVALID'
  ),
  sample(
    'RenewRequest',
    RenewRequest,
    { succession: bytes(250, 1), stored: true },
    limits.joinBytes,
    'CERTIFICATE_INVALID'
  ),
  sample(
    'RenewAnswer',
    RenewAnswer,
    { code: 33, reason: 'may not admit', chain: [bytes(300, 1), bytes(290, 2)] },
    limits.joinBytes,
    'CERTIFICATE_INVALID'
  ),
  sample('SyncState', SyncState, state, limits.gossipMessageBytes, 'TUNNEL_PROTOCOL'),
  sample(
    'SyncAnnouncement',
    SyncAnnouncement,
    { states: [state, { ...state, kind: 'revocations', version: 0 }], timeMs: 1_790_000_000_000 },
    limits.gossipMessageBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample(
    'SyncRequest',
    SyncRequest,
    { state, held: [bytes(32, 1), bytes(32, 2)] },
    limits.syncBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample(
    'SyncAnswer',
    SyncAnswer,
    { code: 52, reason: 'later', state, items: [bytes(300, 1), bytes(400, 2)], hasMore: true, wanted: [bytes(32, 3)] },
    limits.syncBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample('SyncDelivery', SyncDelivery, { items: [bytes(300, 1), bytes(400, 2)] }, limits.syncBytes, 'TUNNEL_PROTOCOL'),
  ...pathSamples
]

/** The sample of one message. */
export const sampleOf = (name: string): Sample => {
  const found = samples.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no sample of ${name}.`)
  return found
}
