import {
  EchoAccept,
  EchoOpen,
  EchoProbe,
  limits,
  ObservedAddress,
  PunchAnswer,
  PunchRequest,
  PunchStart,
  RelayHop,
  RelayLimit,
  RelayPeer,
  RelayReservation,
  RelayStop
} from '@agent-mesh/wire'
import { bytes, sample, type Sample } from './message-sample.ts'

/** Messages by which nodes reach each other through relays and NATs. */
export const pathSamples: Sample[] = [
  sample(
    'RelayHop',
    RelayHop,
    {
      type: 2,
      peer: { id: bytes(38, 1), addrs: [bytes(8, 2)] },
      reservation: { expire: 1_790_000_000, addrs: [bytes(20, 3), bytes(20, 4)] },
      limit: { duration: 120, data: 131_072 },
      status: 100
    },
    limits.relayMessageBytes,
    'RELAY_REFUSED'
  ),
  sample('RelayLimit', RelayLimit, { duration: 120, data: 131_072 }, limits.relayMessageBytes, 'RELAY_REFUSED'),
  sample('RelayPeer', RelayPeer, { id: bytes(38, 1), addrs: [bytes(8, 2)] }, limits.relayMessageBytes, 'RELAY_REFUSED'),
  sample(
    'RelayReservation',
    RelayReservation,
    { expire: 1_790_000_000, addrs: [bytes(20, 3), bytes(20, 4)] },
    limits.relayMessageBytes,
    'RELAY_REFUSED'
  ),
  sample(
    'RelayStop',
    RelayStop,
    {
      type: 1,
      peer: { id: bytes(38, 1), addrs: [bytes(8, 2)] },
      limit: { duration: 120, data: 131_072 },
      status: 200
    },
    limits.relayMessageBytes,
    'RELAY_REFUSED'
  ),
  sample(
    'EchoOpen',
    EchoOpen,
    {
      session: bytes(8, 1),
      key: bytes(32, 2),
      ports: [4_001, 41_000],
      probe: { request: bytes(44, 3), host: '203.0.113.7', port: 41_000, isFromOtherPort: true },
      sinkBytes: 65_540
    },
    limits.echoOpenBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample(
    'EchoProbe',
    EchoProbe,
    { request: bytes(44, 3), host: '203.0.113.7', port: 41_000, isFromOtherPort: true },
    limits.echoOpenBytes,
    'TUNNEL_PROTOCOL'
  ),
  sample('EchoAccept', EchoAccept, { code: 1, ports: [4_001] }, limits.echoOpenBytes, 'TUNNEL_PROTOCOL'),
  sample(
    'PunchRequest',
    PunchRequest,
    { host: '203.0.113.7', port: 41_000, mapping: 1, token: bytes(16, 1) },
    limits.punchMessageBytes,
    'PUNCH_FAILED'
  ),
  sample(
    'PunchAnswer',
    PunchAnswer,
    {
      code: 77,
      reason: 'busy',
      isCrossing: true,
      host: '203.0.113.8',
      port: 42_000,
      mapping: 2,
      token: bytes(16, 2),
      tookMs: 12
    },
    limits.punchMessageBytes,
    'PUNCH_FAILED'
  ),
  sample('PunchStart', PunchStart, { rttMs: 80 }, limits.punchMessageBytes, 'PUNCH_FAILED'),
  sample(
    'ObservedAddress',
    ObservedAddress,
    { host: '203.0.113.7', port: 41_000 },
    limits.punchMessageBytes,
    'PUNCH_FAILED'
  )
]
