import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  makeService,
  type Candidate,
  type OpenedTarget,
  type PathResolver,
  type StreamDialer
} from '@agent-mesh/data-plane'
import {
  encodeHeader,
  frameTypes,
  limits,
  MeshError,
  parseTarget,
  toWireCode,
  TunnelAnswer,
  TunnelOpen,
  type Target
} from '@agent-mesh/wire'
import { createTargetOpener } from '../src/gateway/open-target.ts'
import { PreambleDecoder, withLength } from '../src/tunnel/preamble.ts'
import { TunnelRegistry } from '../src/tunnel/registry.ts'
import { dialerOf, protocol, startPair, type Pair } from './libp2p-pair.ts'
import { bytes, digest, digestOf, echo, startService, type TestService } from './servers.ts'

const read = async (stream: OpenedTarget['tunnel']): Promise<string> => {
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  await once(stream, 'end')
  return Buffer.concat(parts).toString()
}

describe('opening a target', () => {
  let pair: Pair
  let service: TestService
  const registry = new TunnelRegistry()

  beforeAll(async () => {
    pair = await startPair()
    service = await startService(digest)
    pair.callee.plane.addService(makeService('svc', service.address))
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })
  afterEach(async () => {
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size + registry.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
    }, 5_000)
  })

  it('gives a duplex that ends each direction by itself', async () => {
    const { tunnel, candidate, path } = await pair.caller.plane.openTarget(parseTarget('callee/svc'))
    const data = bytes(1_000_000)
    tunnel.end(data)
    expect(await read(tunnel)).toBe(digestOf(data))
    await once(tunnel, 'close')
    expect([candidate.peerId.equals(pair.callee.node.peerId), path, tunnel.bytesOut, tunnel.bytesIn]).toEqual([
      true,
      'local',
      1_000_000,
      digestOf(data).length
    ])
  })

  it('gives an ordinary duplex, for pipeline and for await', async () => {
    const { tunnel } = await pair.caller.plane.openTarget(parseTarget('callee/svc'))
    const parts = Array.from({ length: 20 }, (_, i) => bytes(i * 5_000))
    await pipeline(Readable.from(parts), tunnel, async (source: AsyncIterable<Buffer>) => {
      let text = ''
      for await (const part of source) text += part.toString()
      expect(text).toBe(digestOf(Buffer.concat(parts)))
    })
    await vi.waitFor(() => expect(tunnel.closed).toBe(true))
    expect([tunnel.errored, tunnel.failure]).toEqual([null, undefined])
  })

  it('says why it ended early, and only emits an error where it was given one', async () => {
    const onError = vi.fn()
    const [plain, given] = await Promise.all([1, 2].map(() => pair.caller.plane.openTarget(parseTarget('callee/svc'))))
    plain?.tunnel.on('error', onError).destroy()
    given?.tunnel.on('error', onError).destroy(new MeshError('DENIED', 'no more'))
    await vi.waitFor(() => expect([plain?.tunnel.closed, given?.tunnel.closed]).toEqual([true, true]))
    expect([plain?.tunnel.failure?.code, given?.tunnel.failure?.code]).toEqual(['CANCELLED', 'DENIED'])
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: 'DENIED' })]])
    await vi.waitFor(() => {
      const codes = pair.callee.events.map((event) => (event.event === 'tunnel:closed' ? event.code : undefined))
      expect(codes).toEqual(expect.arrayContaining(['CANCELLED', 'DENIED']))
    })
  })

  it('lets early bytes travel with the open, up to more than the first credit', async () => {
    const answered = vi.fn()
    for (const length of [5, limits.creditInitialBytes, 4 * limits.creditInitialBytes]) {
      const data = bytes(length)
      const { tunnel } = await pair.caller.plane.openTarget(parseTarget('callee/svc'), { early: () => data })
      answered()
      tunnel.end()
      expect(await read(tunnel)).toBe(digestOf(data))
    }
    expect(answered).toHaveBeenCalledTimes(3)
  })

  it('sends early bytes before the answer, in the wire form', async () => {
    const heard: Buffer[] = []
    await pair.callee.node.handle('/recorder', (stream) => {
      stream.addEventListener('message', (event) => {
        heard.push(Buffer.from(event.data.subarray()))
      })
    })
    const open = createTargetOpener({ ...parts(), protocol: '/recorder' })
    const opening = open(parseTarget('callee/svc'), {
      early: () => Buffer.from('early'),
      traceParent: '00-1',
      metadata: [{ key: 'x-new', value: Uint8Array.of(1, 2) }],
      deadlineMs: 300
    })
    await expect(opening).rejects.toMatchObject({ code: 'TIMEOUT' })
    const { message, rest } = await vi.waitFor(() => {
      const complete = new PreambleDecoder().push(Buffer.concat(heard)) ?? { message: new Uint8Array(), rest: [] }
      expect(complete.rest.length).toBe(17)
      return complete
    })
    expect(TunnelOpen.decode(message)).toEqual({
      service: 'svc',
      deadlineMs: limits.tunnelOpenTimeoutMs,
      traceParent: '00-1',
      metadata: [{ key: 'x-new', value: Uint8Array.of(1, 2) }]
    })
    expect(rest.slice(0, 9)).toEqual(Buffer.concat([encodeHeader(frameTypes.data, 5), Buffer.from('early')]))
    expect(rest.slice(9)).toEqual(Buffer.from([frameTypes.reset, 0, 0, 4, 0, 0, 0, toWireCode('TIMEOUT')]))
  })

  it('brings unknown metadata to the other end as it is', async () => {
    const seen = vi.spyOn(pair.callee.plane.tunnels, 'track')
    const metadata = [{ key: 'x-from-the-future', value: Uint8Array.from({ length: 256 }, (_, i) => i) }]
    const { tunnel } = await pair.caller.plane.openTarget(parseTarget('callee/svc'), { metadata })
    expect(seen.mock.results[0]?.value).toMatchObject({ opened: { service: 'svc', metadata } })
    seen.mockRestore()
    tunnel.end()
    tunnel.resume()
  })

  it('can be given up at any moment', async () => {
    for (const ms of [0, 1, 3, 5]) {
      const controller = new AbortController()
      const opening = pair.caller.plane.openTarget(parseTarget('callee/svc'), { signal: controller.signal }).then(
        ({ tunnel }) => {
          tunnel.destroy()
          return 'opened'
        },
        (err: MeshError) => err.code
      )
      setTimeout(() => controller.abort(), ms)
      expect(['opened', 'CANCELLED']).toContain(await opening)
    }
    await expect(
      pair.caller.plane.openTarget(parseTarget('callee/svc'), { signal: AbortSignal.abort() })
    ).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('is CONNECTION_LOST where the connection goes between open and answer', async () => {
    for (const how of ['fin', 'rst', 'close', 'abort'] as const) {
      await pair.callee.node.handle('/never', () => {}, { force: true })
      const open = createTargetOpener({ ...parts(), protocol: '/never' })
      const tracked = vi.spyOn(registry, 'track')
      const outcome = open(parseTarget('callee/svc')).then(
        () => 'opened',
        (err: MeshError) => err.code
      )
      await vi.waitFor(() => expect(tracked).toHaveBeenCalled())
      await pair.cut(how)
      expect(await outcome).toBe('CONNECTION_LOST')
      tracked.mockRestore()
      await pair.reconnect()
    }
  })

  it.each<[string, Uint8Array]>([
    ['a lie about its length', Uint8Array.of(0xff, 0xff)],
    ['a message that is none', Uint8Array.of(2, 0xff, 0xff)],
    [
      'a frame that is none behind it',
      Buffer.concat([withLength(TunnelAnswer.encode({ code: 0 })), Uint8Array.of(99, 0, 0, 0)])
    ]
  ])('survives an answer that is %s', async (_what, said) => {
    await pair.callee.node.handle(
      '/liar',
      (stream) => {
        stream.send(said)
      },
      { force: true }
    )
    const open = createTargetOpener({ ...parts(), protocol: '/liar' })
    const outcome = await open(parseTarget('callee/svc')).then(
      async ({ tunnel }) => {
        if (!tunnel.destroyed) await once(tunnel, 'close')
        return tunnel.errored
      },
      (err: MeshError) => err
    )
    expect(outcome).toMatchObject({ code: 'TUNNEL_PROTOCOL' })
  })

  it('bounds and cleans what a refusal says, and knows no code of the future', async () => {
    await pair.callee.node.handle(
      '/rude',
      (stream) => {
        stream.send(withLength(TunnelAnswer.encode({ code: 9999, reason: `no\u001b[31m\nway ${'x'.repeat(7000)}` })))
      },
      { force: true }
    )
    const err = await createTargetOpener({ ...parts(), protocol: '/rude' })(parseTarget('callee/svc')).catch(
      (e: MeshError) => e
    )
    expect(err).toMatchObject({ code: 'INTERNAL', message: expect.stringMatching(/^no \[31m way x+$/) })
    expect(err instanceof MeshError ? err.message.length : 0).toBe(300)
  })

  const parts = (resolver: PathResolver = { resolve: async () => [{ ...pair.candidate, service: 'svc' }] }) => ({
    resolver,
    dialer: dialerOf(pair.connection),
    protocol: '',
    registry
  })
})

describe('the candidates of a target', () => {
  let pair: Pair
  let service: TestService
  beforeAll(async () => {
    pair = await startPair()
    service = await startService(echo)
    pair.callee.plane.addService(makeService('good', service.address))
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })

  const target = parseTarget('cap:some/thing')
  const run = async (rounds: Array<Array<string | MeshError>>, options: { early?: () => Uint8Array } = {}) => {
    const resolved: Target[] = []
    const events: string[] = []
    const failures = new Map<Candidate, MeshError>()
    let round = 0
    const resolver: PathResolver = {
      resolve: async (what) => {
        resolved.push(what)
        return (rounds[round++] ?? []).map((one, i) => {
          const candidate: Candidate = {
            ...pair.candidate,
            service: one instanceof MeshError ? `failing-${round}-${i}` : one
          }
          if (one instanceof MeshError) failures.set(candidate, one)
          return candidate
        })
      }
    }
    let at = 0
    const dialer: StreamDialer = {
      open: async (peer, id, { signal }) => {
        const failure = rounds.flat()[at++]
        if (failure instanceof MeshError) throw failure
        if (failure === 'silent') await once(signal, 'abort')
        return dialerOf(pair.connection).open(peer, id, { signal })
      }
    }
    const open = createTargetOpener({
      resolver,
      dialer,
      protocol,
      registry: new TunnelRegistry(),
      events: {
        onPathOk: (_peer, path) => events.push(`ok ${path}`),
        onPathFailed: (_peer, code) => events.push(`failed ${code}`)
      }
    })
    let said = ''
    const outcome = await open(target, options).then(
      async ({ tunnel, candidate }) => {
        if (options.early !== undefined) said = String((await once(tunnel, 'data'))[0])
        tunnel.destroy()
        return candidate.service
      },
      (err: MeshError) => err
    )
    return { outcome, said, events, resolved: resolved.length }
  }

  it('are tried in their order until one opens', async () => {
    expect(await run([[new MeshError('UNREACHABLE'), 'unknown', 'good', 'good']])).toEqual({
      outcome: 'good',
      said: '',
      events: ['failed UNREACHABLE', 'ok local'],
      resolved: 1
    })
  })

  it('are resolved once more where an address belonged to another peer', async () => {
    expect(await run([[new MeshError('STALE_ROUTE')], ['good']])).toEqual({
      outcome: 'good',
      said: '',
      events: ['failed STALE_ROUTE', 'ok local'],
      resolved: 2
    })
    expect(await run([[new MeshError('STALE_ROUTE')], [new MeshError('STALE_ROUTE')], ['good']])).toMatchObject({
      outcome: { code: 'STALE_ROUTE' },
      resolved: 2
    })
  })

  it('leave the error of the only one as it is, and tell of several what each said', async () => {
    expect(await run([['unknown']])).toMatchObject({
      outcome: { code: 'SERVICE_UNKNOWN', message: 'This agent offers no service "unknown".' }
    })
    const { outcome } = await run([[new MeshError('UNREACHABLE'), 'unknown']])
    const id = pair.callee.node.peerId.toString()
    expect(outcome).toMatchObject({
      code: 'SERVICE_UNKNOWN',
      details: { tried: [`${id}/failing-1-0: UNREACHABLE`, `${id}/unknown: SERVICE_UNKNOWN`] }
    })
    expect(await run([[]])).toMatchObject({ outcome: { code: 'NOT_FOUND' } })
  })

  it('hear what is said first only once they answered, while there are others', async () => {
    const { outcome, said } = await run([['unknown', 'good', 'good']], { early: () => Buffer.from('first') })
    expect([outcome, said]).toEqual(['good', 'first'])
  })

  it('that say nothing are left for the next one within the deadline', async () => {
    const startedMs = performance.now()
    expect(await run([['silent', 'good']])).toEqual({
      outcome: 'good',
      said: '',
      events: ['failed TIMEOUT', 'ok local'],
      resolved: 1
    })
    expect(performance.now() - startedMs).toBeGreaterThan(limits.candidateOpenMs - 50)
  })

  it('are not tried on after early bytes may have reached a service', async () => {
    const heard: string[] = []
    await pair.callee.node.unhandle(protocol)
    await pair.callee.node.handle(protocol, (stream) => {
      let all = ''
      stream.addEventListener('message', ({ data }) => {
        all += Buffer.from(data.subarray()).toString('latin1')
        heard.push(all)
        if (all.includes('POST') || all.includes('first of two')) stream.abort(new Error('gone'))
      })
    })
    const { outcome } = await run([['good'], ['other']], { early: () => Buffer.from('POST') })
    expect(outcome).toMatchObject({ code: 'CONNECTION_LOST', details: { isMaybeDelivered: true } })
    expect(new Set(heard.filter((text) => text.includes('POST'))).size).toBe(1)
    expect(heard.some((text) => text.includes('other'))).toBe(false)
    await pair.callee.node.unhandle(protocol)
    await pair.callee.node.handle(protocol, (stream) => stream.abort(new Error('gone')))
    expect(await run([['good', 'other']])).toMatchObject({ outcome: { code: 'CONNECTION_LOST' } })
  })
})
