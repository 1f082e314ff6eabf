import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { verifyChain } from '@agent-mesh/identity'
import { createTestNetwork } from '@agent-mesh/testkit'
import type { NodeEvent } from '@agent-mesh/wire/api'
import { EventBus } from '../../src/daemon/event-bus.ts'
import { OwnRenewal } from '../../src/daemon/own-renewal.ts'
import { stateFiles } from '../../src/state/documents.ts'
import { Identity } from '../../src/state/identity.ts'

const dayMs = 24 * 3_600_000
const network = await createTestNetwork()
const { networkKey, networkId } = network

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-own-renewal-'))
})
afterEach(async () => rm(folder, { recursive: true }))

it('a certificate that nobody renews is warned of once in its last tenth, and once when it is over', async () => {
  const startMs = Date.now()
  let nowMs = startMs
  const key = await generateKeyPair('Ed25519')
  const bob = await network.member('bob', { privateKey: key, notBeforeMs: startMs })
  const membership = await verifyChain(bob.chain, networkKey, undefined)
  const events = new EventBus(pino({ level: 'silent' }))
  const heard: NodeEvent[] = []
  events.on((event) => heard.push(event))
  const renewal = new OwnRenewal({
    identity: new Identity(stateFiles(folder), { key, networkKey, networkId, membership }),
    admission: { members: () => [], membership: () => undefined, onChange: () => () => {} },
    known: () => [],
    connect: async () => {
      throw new Error('nobody is asked')
    },
    protocol: '/renew',
    events,
    now: () => nowMs
  })
  const heardAt = async (days: number): Promise<string[]> => {
    nowMs = startMs + days * dayMs
    heard.length = 0
    for (let look = 0; look < 3; look++) renewal.look()
    await renewal.stop() // the attempt that has begun is over
    return heard.map(({ event }) => event)
  }
  expect(await heardAt(1)).toEqual([])
  expect(await heardAt(21)).toEqual(['certificate:not-renewed'])
  expect(await heardAt(27.5)).toEqual(['certificate:ending', 'certificate:not-renewed'])
  expect(await heardAt(28)).toEqual(['certificate:not-renewed'])
  const end = new Date(membership.notAfterMs).toISOString()
  expect(await heardAt(30)).toEqual(['certificate:over', 'certificate:not-renewed'])
  expect(heard.map(({ fields }) => fields['end'])).toEqual([end, end])
  expect(heard[1]?.fields['code']).toBe('UNREACHABLE')
})
