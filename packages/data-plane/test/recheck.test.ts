import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress, type Authorizer, type Verdict } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { startBlackHole } from '@agent-mesh/testkit/black-hole'
import { portOf, startPair, type Pair } from './libp2p-pair.ts'
import { RawPeer } from './raw-stream.ts'
import { bytes, digestOf, echo, openClient, startService, type TestService } from './servers.ts'

const yes: Verdict = { allowed: true, rule: 'grant 1' }
const no: Verdict = { allowed: false, code: 'DENIED', layer: 'policy', rule: 'nothing grants it' }

const closers: Array<() => void | Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const setUp = async (authorizer: Authorizer): Promise<{ pair: Pair; service: TestService }> => {
  const service = await startService(echo)
  const pair = await startPair({ authorizer })
  closers.push(service.stop, pair.stop)
  return { pair, service }
}

const forwardTo = async ({ caller }: Pair, target: string): Promise<number> => {
  const listen = parseListenAddress('127.0.0.1:0')
  return portOf((await caller.plane.addForward({ listen, target: parseTarget(target) })).listen)
}

describe('a check of running tunnels', () => {
  it('cuts the denied one of 101 and none of the others, 1,000 times while bytes flow', async () => {
    const denied = new Set<string>()
    let asked = 0
    const { pair, service } = await setUp({
      mayOpen: (_, name) => {
        asked += 1
        return denied.has(name) ? no : yes
      }
    })
    pair.callee.plane.addService(makeService('web', service.address))
    pair.callee.plane.addService(makeService('secret', service.address))
    const [webPort, secretPort] = [await forwardTo(pair, 'callee/web'), await forwardTo(pair, 'callee/secret')]
    const sent = Array.from({ length: 100 }, () => bytes(200_000))
    const clients = sent.map(() => openClient(webPort))
    const secret = openClient(secretPort)
    secret.socket.write('hello')
    for (const { socket } of clients) socket.write('') // connects
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.list()).toHaveLength(101), 20_000)
    const heard = (): number => clients.reduce((sum, { socket }) => sum + socket.bytesRead, 0)

    asked = 0
    const counted = { checked: 0, cut: 0 }
    const grown: number[] = []
    for (let round = 0; round < 1_000; round++) {
      if (round === 500) denied.add('secret')
      if (round % 5 === 0) {
        const at = (round / 5) * 1_000
        clients.forEach(({ socket }, i) => socket.write(sent[i]?.subarray(at, at + 1_000) ?? ''))
      }
      const { checked, cut } = pair.callee.plane.recheck()
      counted.checked += checked
      counted.cut += cut
      if (round % 100 === 99) grown.push(heard())
      await turn()
    }
    expect(counted.cut).toBe(1)
    expect(counted.checked).toBeGreaterThanOrEqual(100_000)
    expect(asked).toBe(counted.checked)
    expect(new Set(grown).size, 'bytes flow between the checks').toBe(10)

    for (const { socket } of clients) socket.end()
    const results = await Promise.all(clients.map(({ received }) => received))
    expect(results.map(({ data, error }) => error ?? digestOf(data))).toEqual(sent.map(digestOf))
    expect(await secret.received).toEqual({ data: Buffer.from('hello'), error: 'ECONNRESET' })

    await vi.waitFor(() => expect(pair.callee.plane.tunnels.size).toBe(0))
    const closed = pair.callee.events.filter((event) => event.event === 'tunnel:closed')
    expect(closed.filter(({ code }) => code === undefined)).toHaveLength(100)
    expect(closed.filter(({ code }) => code !== undefined)).toEqual([
      expect.objectContaining({
        service: 'secret',
        code: 'DENIED',
        layer: 'policy',
        rule: 'nothing grants it',
        bytesIn: 5,
        bytesOut: 5
      })
    ])
    expect(pair.caller.events).toContainEqual(
      expect.objectContaining({ event: 'tunnel:closed', service: 'secret', code: 'DENIED' })
    )
  }, 60_000)

  it('shows the authorizer who calls, what for and with which metadata, and tells the caller the code', async () => {
    const metadata = [{ key: 'x-unknown', value: Uint8Array.of(1, 2) }]
    const mayOpen = vi.fn<Authorizer['mayOpen']>(() => yes)
    const { pair, service } = await setUp({ mayOpen })
    pair.callee.plane.addService(makeService('web', service.address))
    const peer = new RawPeer(await pair.rawStream())
    peer.open('web', metadata)
    await vi.waitFor(() => expect(peer.answerCode).toBe('OK'))
    mayOpen.mockClear()
    mayOpen.mockReturnValue({ allowed: false, code: 'REVOKED', layer: 'revocation', rule: 'left the company' })
    expect(pair.callee.plane.recheck()).toEqual({ checked: 1, cut: 1 })
    const [caller, name, request] = mayOpen.mock.calls[0] ?? []
    expect([caller?.toString(), name]).toEqual([pair.caller.node.peerId.toString(), 'web'])
    expect(request?.metadata).toMatchObject(metadata)
    await peer.closed
    expect(peer.resetCode).toBe('REVOKED')
    expect(pair.callee.plane.recheck()).toMatchObject({ cut: 0 })
  })

  it('takes an authorizer that throws for one that does not allow, and goes on to the next tunnel', async () => {
    let isBroken = false
    const { pair, service } = await setUp({
      mayOpen: (_, name) => {
        if (isBroken && name === 'first') throw new Error('a defect')
        return yes
      }
    })
    for (const name of ['first', 'second']) pair.callee.plane.addService(makeService(name, service.address))
    const peers = [new RawPeer(await pair.rawStream()), new RawPeer(await pair.rawStream())]
    peers[0]?.open('first')
    peers[1]?.open('second')
    await vi.waitFor(() => expect(peers.map((peer) => peer.answerCode)).toEqual(['OK', 'OK']))
    isBroken = true
    expect(pair.callee.plane.recheck()).toEqual({ checked: 2, cut: 1 })
    await peers[0]?.closed
    expect(peers[0]?.resetCode).toBe('INTERNAL')
    expect(peers[1]?.isClosed).toBe(false)
  })

  it('leaves the outbound tunnels of this node alone', async () => {
    const { pair, service } = await setUp({ mayOpen: () => yes })
    pair.callee.plane.addService(makeService('web', service.address))
    const { socket } = openClient(await forwardTo(pair, 'callee/web'))
    await vi.waitFor(() => expect(pair.caller.plane.tunnels.list()).toHaveLength(1))
    expect(pair.caller.plane.recheck()).toEqual({ checked: 0, cut: 0 })
    socket.destroy()
  })
})

describe('rules that change while a service is being connected', () => {
  it('hold for the tunnel that is being opened', async () => {
    let verdict: Verdict = yes
    const { pair, service } = await setUp({ mayOpen: () => verdict })
    pair.callee.plane.addService(makeService('web', service.address))
    const peer = new RawPeer(await pair.rawStream())
    // The service accepts, and in that very moment the rules change.
    service.server.once('connection', () => {
      verdict = no
    })
    const heard: Buffer[] = []
    service.server.once('connection', (socket) => socket.on('data', (data) => heard.push(data)))
    peer.open('web')
    await peer.closed
    expect(peer.answerCode).toBe('DENIED')
    await vi.waitFor(() => expect(service.sockets.size).toBe(0))
    expect(heard).toEqual([])
  })
})

describe('what a caller is told', () => {
  it('is nothing but the code where it is a stranger', async () => {
    const { pair, service } = await setUp({
      mayOpen: () => ({
        allowed: false,
        code: 'NOT_A_MEMBER',
        layer: 'membership',
        rule: 'a secret of this house',
        isStranger: true
      })
    })
    pair.callee.plane.addService(makeService('web', service.address))
    const peer = new RawPeer(await pair.rawStream())
    peer.open('web')
    await peer.closed
    expect(peer.answer?.message).toMatchObject({ reason: '', metadata: [] })
    expect(peer.answerCode).toBe('NOT_A_MEMBER')
    expect(pair.callee.events).toContainEqual(
      expect.objectContaining({ event: 'tunnel:refused', rule: 'a secret of this house' })
    )
    expect(service.accepted()).toBe(0)
  })

  it('has the layer and the rule as details of the error, for the one who asked', async () => {
    const { pair, service } = await setUp({ mayOpen: () => no })
    pair.callee.plane.addService(makeService('web', service.address))
    await expect(pair.caller.plane.openTarget(parseTarget('callee/web'))).rejects.toMatchObject({
      code: 'DENIED',
      message: 'Service "web" is not open to this caller (policy: nothing grants it).',
      details: { layer: 'policy', rule: 'nothing grants it' }
    })
  })
})

describe('a probe of a service', () => {
  it('says whether it takes connections, and leaves none open', async () => {
    const { pair, service } = await setUp({ mayOpen: () => yes })
    const hole = await startBlackHole()
    closers.push(hole.stop)
    pair.callee.plane.addService(makeService('web', service.address))
    pair.callee.plane.addService(makeService('silent', `tcp://127.0.0.1:${hole.port}`))
    await pair.callee.plane.probeService('web', { signal: AbortSignal.timeout(5_000) })
    await vi.waitFor(() => expect(service.sockets.size).toBe(0))
    expect(service.accepted()).toBe(1)
    const probe = async (name: string): Promise<void> =>
      pair.callee.plane.probeService(name, { signal: AbortSignal.timeout(200) })
    await expect(probe('none')).rejects.toMatchObject({ code: 'SERVICE_UNKNOWN' })
    await expect(probe('silent')).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
