import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeService, type PathResolver, type StreamDialer } from '@agent-mesh/data-plane'
import { parseTarget, type MeshError } from '@agent-mesh/wire'
import { createTargetOpener, type TargetOpenerInit } from '../src/gateway/open-target.ts'
import { RecentCandidates } from '../src/picker/recent.ts'
import { TunnelRegistry } from '../src/tunnel/registry.ts'
import { dialerOf, protocol, startPair, type Pair } from './libp2p-pair.ts'
import { echo, startService, type TestService } from './servers.ts'

const abort = ({ currentTarget }: Event): void => Object(currentTarget).abort(new Error('cut'))

describe('a tunnel', () => {
  let pair: Pair
  let service: TestService
  beforeAll(async () => {
    pair = await startPair()
    service = await startService(echo)
    pair.callee.plane.addService(makeService('svc', service.address))
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })

  const parts = (
    resolver: PathResolver = { resolve: async () => [{ ...pair.candidate, service: 'svc' }] }
  ): TargetOpenerInit => ({ resolver, dialer: dialerOf(pair.connection), protocol, registry: new TunnelRegistry() })

  it.each([
    ['is opened again on another connection', true, undefined, 'opened'],
    ['is not opened again on one that stays', false, undefined, 'CONNECTION_LOST'],
    ['is not opened again once bytes had left', true, 'early', 'CONNECTION_LOST']
  ])('that is cut before its answer %s', async (_, isEnding, early, outcome) => {
    const cut = '/cut/1.0.0'
    await pair.callee.node.handle(cut, (stream) => stream.addEventListener('message', abort), { force: true })
    let dials = 0
    const dialer: StreamDialer = {
      open: async (peer, _id, options) => {
        dials += 1
        const dialled = await dialerOf(pair.connection).open(peer, dials === 1 ? cut : protocol, options)
        return { ...dialled, isEnding: async () => isEnding }
      }
    }
    const open = createTargetOpener({ ...parts(), dialer })
    const asked = early === undefined ? {} : { early: () => Buffer.from(early) }
    const seen = await open(parseTarget('callee/svc'), asked).then(
      ({ tunnel }) => {
        tunnel.destroy()
        return 'opened'
      },
      (err: MeshError) => err.code
    )
    expect([seen, dials]).toEqual([outcome, outcome === 'opened' ? 2 : 1])
  })

  it('is ranked once for many opens, and anew where nobody of that ranking can be reached', async () => {
    let ranked = 0
    const resolver: PathResolver = {
      resolve: async () => {
        ranked += 1
        return [{ ...pair.candidate, service: ranked === 1 ? 'svc' : 'svc-2' }]
      }
    }
    let nowMs = 0
    const open = createTargetOpener({
      ...parts(resolver),
      recent: new RecentCandidates(resolver, () => nowMs)
    })
    const openOnce = async (): Promise<string> => {
      const { tunnel, service: answering } = await open(parseTarget('callee/svc'))
      tunnel.destroy()
      return answering
    }
    expect([await openOnce(), await openOnce(), ranked]).toEqual(['svc', 'svc', 1])
    pair.callee.plane.removeService('svc')
    pair.callee.plane.addService(makeService('svc-2', service.address))
    expect([await openOnce(), ranked]).toEqual(['svc-2', 2])
    pair.callee.plane.removeService('svc-2')
    pair.callee.plane.addService(makeService('svc', service.address))
    nowMs += 100
    await expect(openOnce()).rejects.toMatchObject({ code: 'SERVICE_UNKNOWN' })
    expect(ranked).toBe(3)
  })

  it('is heard from its first byte by the agent that takes it, whatever another one that refused had been told', async () => {
    let ranked = 0
    const resolver: PathResolver = {
      resolve: async () => [{ ...pair.candidate, service: (ranked += 1) === 1 ? 'gone' : 'svc' }]
    }
    const recent = new RecentCandidates(resolver, () => 0)
    const target = parseTarget('callee/svc')
    await recent.resolve(target, { signal: AbortSignal.timeout(1_000), maxAgeMs: 0 })
    const words = ['second ', 'third']
    const { tunnel, service: answering } = await createTargetOpener({ ...parts(resolver), recent })(target, {
      early: () => Buffer.from('first '),
      later: (take) => {
        const word = words.shift()
        if (word !== undefined) take(Buffer.from(word))
        return () => {}
      }
    })
    tunnel.end()
    let heard = ''
    for await (const bytes of tunnel) heard += String(bytes)
    expect([answering, heard]).toEqual(['svc', 'first second third'])
  })
})
