import { describe, expect, it } from 'vitest'
import type { PeerDocument } from '@agent-mesh/wire/api'

import { exampleStatus } from '@agent-mesh/testkit/example-node'
import { judge, type Check, type Facts, type NodeFacts } from '../../src/doctor/index.ts'

const nowMs = Date.parse('2026-01-01T00:00:00Z')
const day = 86_400_000

const loss = (isLossy: boolean) => ({ share: isLossy ? 0.02 : 0, packets: 500, isLossy })
const hole = { method: '', linkMtu: 1_500, out: 1_280, back: 1_280, isTold: false, isBlackHole: true }

const peer = (changes: Partial<PeerDocument> = {}): PeerDocument => ({
  peerId: '12D3KooWBob',
  name: 'bob',
  groups: [],
  state: 'connected',
  path: 'direct',
  direction: 'outbound',
  addresses: ['/ip4/192.0.2.1/tcp/4001'],
  sinceMs: nowMs - 60_000,
  tunnels: 0,
  underlay: { udp: 'works', out: loss(false), in: loss(false) },
  health: { state: 'alive', sinceMs: 0, reason: 'it answers', isAsymmetric: false, digestMs: nowMs - 3_000 },
  ...changes
})

const factsOf = (node: Partial<NodeFacts> = {}, changes: Partial<Facts> = {}): Facts => {
  const status: NodeFacts['status'] = {
    ...exampleStatus,
    warnings: [],
    peers: { connected: 1, known: 1, routingTable: 1 },
    publication: { storedBy: 1, untilMs: nowMs + day, sequence: 1, capabilities: [] },
    network: {
      ...exampleStatus.network,
      certificate: { ...exampleStatus.network.certificate, notAfter: new Date(nowMs + 20 * day).toISOString() }
    }
  }
  return {
    nowMs,
    stateDir: '/state',
    key: { path: '/state/identity.key', mode: 0o600 },
    freeBytes: 1e9,
    node: {
      status,
      peers: [peer()],
      slowestAnswerMs: 2,
      descriptors: { open: 40, most: 1_024 },
      dials: [{ address: '192.0.2.1:4001', isReached: true }],
      ...node
    },
    ...changes
  }
}

const withStatus = (changes: Partial<NodeFacts['status']>): Facts => {
  const { node } = factsOf()
  if ('code' in node) throw new Error('a node')
  return factsOf({ status: { ...node.status, ...changes } })
}

/** The checks that do not pass. */
const amiss = (facts: Facts): Array<[string, string]> =>
  judge(facts).flatMap(({ name, verdict }): Array<[string, string]> => (verdict === 'pass' ? [] : [[name, verdict]]))

describe('the doctor', () => {
  it('finds nothing wrong with a node that is well', () => {
    expect(amiss(factsOf())).toEqual([])
  })

  const cases: Array<[string, () => Facts, Array<[string, string]>]> = [
    ['a key that others read', () => factsOf({}, { key: { path: '/k', mode: 0o640 } }), [['key', 'fail']]],
    ['a full disk', () => factsOf({}, { freeBytes: 1e6 }), [['disk', 'fail']]],
    ['a disk that is nearly full', () => factsOf({}, { freeBytes: 1e8 }), [['disk', 'warn']]],
    [
      'a certificate at its end',
      () => factsOf({}, { nowMs: nowMs + 18 * day }),
      [
        ['certificate', 'warn'],
        ['clock', 'warn']
      ]
    ],
    [
      'a revoked certificate',
      () => withStatus({ warnings: [{ code: 'REVOKED', message: 'It was revoked.', hint: 'join' }] }),
      [['certificate', 'fail']]
    ],
    [
      'a clock that is behind',
      () =>
        factsOf({
          peers: [
            peer({ health: { state: 'alive', sinceMs: 0, reason: '', isAsymmetric: false, digestMs: nowMs + 5_000 } })
          ]
        }),
      [['clock', 'warn']]
    ],
    ['an island', () => withStatus({ peers: { connected: 3, known: 3, routingTable: 0 } }), [['dht', 'fail']]],
    [
      'nobody in reach',
      () => withStatus({ peers: { connected: 0, known: 3, routingTable: 0 } }),
      [
        ['members', 'fail'],
        ['dht', 'skip']
      ]
    ],
    [
      'a firewall for other programs',
      () => factsOf({ dials: [{ address: '192.0.2.1:4001', isReached: false }] }),
      [['reach', 'fail']]
    ],
    [
      'a path that loses packets one way',
      () => factsOf({ peers: [peer({ underlay: { udp: 'works', out: loss(false), in: loss(true) } })] }),
      [['packets', 'warn']]
    ],
    [
      'a path that swallows large packets',
      () => factsOf({ peers: [peer({ underlay: { udp: 'works', mtu: hole } })] }),
      [['packets', 'warn']]
    ],
    [
      'that no path is watched',
      () => factsOf({ peers: [peer({ underlay: { udp: 'blocked' } })] }),
      [['packets', 'skip']]
    ],
    ['a member on a relay', () => factsOf({ peers: [peer({ path: 'relayed' })] }), [['paths', 'warn']]],
    [
      'a member that is reached through a carrier',
      () => {
        const carrier = { peerId: 'carrier', limitBytes: 131_072, limitSeconds: 120, usedBytes: 9_000, usedSeconds: 4 }
        return factsOf({ peers: [peer({ path: 'relayed', carrier })] })
      },
      [['paths', 'warn']]
    ],
    [
      'a carrier of two that is full',
      () =>
        withStatus({
          carriers: [
            { peerId: 'a', addresses: [], circuits: 0, state: 'held' },
            { peerId: 'b', addresses: [], circuits: 0, state: 'refused', reason: 'It is full.', hint: 'Wait.' }
          ]
        }),
      [['carriers', 'warn']]
    ],
    [
      'the only carrier where somebody else answers',
      () => withStatus({ carriers: [{ peerId: 'a', addresses: [], circuits: 0, state: 'refused' }] }),
      [['carriers', 'fail']]
    ],
    [
      'a member that is connected and silent',
      () =>
        factsOf({
          peers: [
            peer({
              health: {
                state: 'alive',
                sinceMs: 0,
                reason: '',
                isAsymmetric: false,
                digestMs: nowMs - 3_000,
                stalledMs: 7_001
              }
            })
          ]
        }),
      [['silence', 'warn']]
    ],
    ['a node that halts', () => factsOf({ slowestAnswerMs: 250 }), [['event loop', 'warn']]],
    ['a node that stands still', () => factsOf({ slowestAnswerMs: 1_000 }), [['event loop', 'fail']]],
    ['few descriptors', () => factsOf({ descriptors: { open: 820, most: 1_024 } }), [['descriptors', 'warn']]]
  ]
  it.each(cases)('names %s, and nothing else', (_, facts, expected) => {
    expect(amiss(facts())).toEqual(expected)
  })

  it('says what mends all that it finds', () => {
    for (const [, facts] of cases) {
      const found = judge(facts()).filter(({ verdict }: Check) => verdict === 'warn' || verdict === 'fail')
      expect(found.every(({ remedy }) => remedy !== undefined)).toBe(true)
    }
  })

  it('skips what only a running node can tell, and says so', () => {
    const facts = factsOf({}, { node: { code: 'NO_DAEMON', message: 'No node runs.', hint: 'mesh-node up' } })
    const checks = judge(facts)
    expect(checks.find(({ name }) => name === 'node')).toMatchObject({ verdict: 'fail', remedy: 'mesh-node up' })
    expect(checks.filter(({ verdict }) => verdict === 'skip')).toHaveLength(12)
  })
})
