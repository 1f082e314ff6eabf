import { readFile } from 'node:fs/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { limits, MeshError, parseTarget } from '@agent-mesh/wire'
import type { Membership } from '@agent-mesh/identity'
import type { VerifiedRecord } from '@agent-mesh/control-plane'
import { whyLayers } from '../../src/why/layers.ts'
import { judge } from '../../src/why/judge.ts'
import { Why } from '../../src/why/why.ts'
import { ok, type WhyContext, type WhyLayer, type WhyPorts } from '../../src/why/layer.ts'

const alice = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const bob = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const nowMs = Date.UTC(2026, 0, 15)

const membershipOf = (name: string, peerId = bob, fields: Partial<Membership> = {}): Membership => ({
  peerId,
  name,
  groups: [],
  issuedMs: nowMs - 1_000,
  notBeforeMs: nowMs - 1_000,
  notAfterMs: nowMs + 1_000,
  serial: '00',
  mayAdmit: false,
  isIssuedByRoot: true,
  isAdmin: false,
  policySignatures: 1,
  isEphemeral: false,
  issuer: alice,
  chain: [],
  ...fields
})

const nothing = async (): Promise<never> => {
  throw new MeshError('UNREACHABLE', 'Nobody is there in this test.')
}

const recordOf = (name: string, fields: Partial<Membership> = {}): VerifiedRecord => ({
  peerId: bob,
  membership: membershipOf(name, bob, fields),
  sequence: 1,
  issuedMs: nowMs,
  expiresMs: nowMs + 1_000,
  addresses: [],
  services: [{ name: 'web', kind: 'http', capabilities: [] }],
  capabilities: [],
  isWithdrawn: false,
  bytes: new Uint8Array()
})

/** Alice asks about bob, whom she has met, and who cannot be dialled. */
const portsWith = (parts: Partial<WhyPorts>): WhyPorts => ({
  self: alice,
  own: () => membershipOf('alice', alice),
  admission: {
    connections: () => [],
    has: () => false,
    members: () => [bob],
    membership: () => membershipOf('bob'),
    remembered: () => []
  },
  authorizer: { opinions: () => [] },
  dataPlane: { openTarget: nothing, probeService: nothing },
  dialler: { connect: nothing },
  discovery: {
    known: () => recordOf('bob'),
    record: async () => undefined
  },
  offers: { services: () => [] },
  paths: { get: () => ({}) },
  ping: { ping: nothing },
  resolver: { resolve: async () => [{ peerId: bob, name: 'bob', service: 'web', reason: 'the only one' }] },
  now: () => nowMs,
  ...parts
})

const ask = async (parts: Partial<WhyPorts>) =>
  new Why(portsWith(parts)).ask({ target: 'bob/web' }, { signal: AbortSignal.timeout(5_000) })

const makeLayer = (name: string, order: number, check: WhyLayer['check']): WhyLayer => ({ name, order, check })

describe('the layers', () => {
  it('are those of the page, in its order', async () => {
    const page = await readFile(new URL('../../../../docs/explanation/why.md', import.meta.url), 'utf8')
    const documented = [...page.matchAll(/^\| \d+ +\| `(\w+)` +\|/gm)].map(([, name]) => name)
    expect(documented).toEqual(whyLayers.map(({ name }) => name))
    expect(new Set(whyLayers.map(({ order }) => order)).size).toBe(whyLayers.length)
  })

  it('are judged up to the first that fails, and named after it', async () => {
    const reached: string[] = []
    const layers = [
      makeLayer('a', 1, () => ok('fine')),
      makeLayer('b', 2, () => {
        throw new MeshError('UNREACHABLE', 'Nobody answers.', { hint: 'mesh-node ping bob' })
      }),
      makeLayer('c', 3, () => {
        reached.push('c')
        return ok('')
      })
    ]
    const context: WhyContext = {
      target: parseTarget('bob'),
      text: 'bob',
      from: undefined,
      ports: portsWith({}),
      nowMs,
      direction: 'outbound',
      peer: bob,
      name: 'bob',
      service: undefined,
      record: undefined,
      membership: undefined,
      connection: undefined,
      probe: nothing
    }
    const verdict = await judge(layers, context, { signal: AbortSignal.timeout(1_000) })
    expect(verdict).toEqual({
      verdict: 'failed',
      failed: {
        layer: 'b',
        verdict: 'failed',
        text: 'Nobody answers.',
        code: 'UNREACHABLE',
        command: 'mesh-node ping bob'
      },
      steps: [
        { layer: 'a', verdict: 'ok', text: 'fine' },
        expect.objectContaining({ layer: 'b', verdict: 'failed' }),
        { layer: 'c', verdict: 'skipped', text: 'not reached' }
      ]
    })
    expect(reached).toEqual([])
  })

  it.each<[string, string, Partial<WhyPorts>]>([
    [
      'name',
      'NAME_CONFLICT',
      {
        resolver: {
          resolve: async () => {
            throw new MeshError('NAME_CONFLICT')
          }
        }
      }
    ],
    ['record', 'PEER_UNKNOWN', { discovery: { known: () => undefined, record: async () => undefined } }],
    [
      'certificate',
      'CERTIFICATE_EXPIRED',
      { own: () => membershipOf('alice', alice, { notAfterMs: nowMs - limits.clockToleranceMs - 1 }) }
    ],
    [
      'certificate',
      'CERTIFICATE_EXPIRED',
      {
        discovery: {
          known: () => recordOf('bob', { notAfterMs: nowMs - limits.clockToleranceMs - 1 }),
          record: async () => undefined
        },
        admission: {
          connections: () => [],
          has: () => true,
          members: () => [bob],
          remembered: () => [],
          membership: () => membershipOf('bob', bob, { notAfterMs: nowMs - limits.clockToleranceMs - 1 })
        }
      }
    ],
    [
      'certificate',
      'CERTIFICATE_NOT_YET_VALID',
      { own: () => membershipOf('alice', alice, { notBeforeMs: nowMs + limits.clockToleranceMs + 1 }) }
    ],
    ['revocation', 'REVOKED', { revocation: () => ({ rule: 'by carol' }) }],
    [
      'revocation',
      'REVOKED',
      { revocation: ({ peerId }) => (peerId === bob.toString() ? { rule: 'by carol' } : undefined) }
    ],
    ['policy', 'DENIED', { policy: () => ({ allowed: false, rule: 'no grant from alice to bob' }) }],
    ['health', 'UNREACHABLE', { health: () => ({ isUsable: false, text: 'dead for 10 s' }) }],
    ['addresses', 'UNREACHABLE', {}],
    [
      'revocation',
      'REFUSED_EARLIER',
      {
        dialler: {
          connect: async () => {
            throw new MeshError('REFUSED_EARLIER', 'It refused a moment ago.', { details: { code: 'REVOKED' } })
          }
        }
      }
    ]
  ])('%s is named where it fails with %s', async (layer, code, parts) => {
    const answer = await ask(parts)
    expect(answer).toMatchObject({ verdict: 'failed', failed: { layer, code } })
    expect(answer.failed?.command).toMatch(/\S/)
    expect(answer.steps).toHaveLength(whyLayers.length)
    expect(answer.steps.filter(({ verdict }) => verdict === 'failed')).toHaveLength(1)
  })

  it('say the line of a rule, and where it is read', async () => {
    const { steps } = await ask({
      policy: (caller, callee, service) => ({
        allowed: true,
        rule: `grant 3: ${caller.name} to ${callee.name}/${service}`,
        line: 14
      })
    })
    expect(steps.find(({ layer }) => layer === 'policy')).toMatchObject({
      verdict: 'ok',
      text: 'grant 3: alice to bob/web (mesh-node policy show, line 14)',
      details: { line: 14 }
    })
  })
})
