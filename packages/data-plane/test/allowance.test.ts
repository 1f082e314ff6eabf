import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, type Allowance } from '@agent-mesh/data-plane'
import { MeshError, parseTarget } from '@agent-mesh/wire'
import { startPair, type Pair } from './libp2p-pair.ts'
import { bytes, echo, startService, type TestService } from './servers.ts'

const KiB = 1024

/** What is given to the connection of the caller, and how it was used. */
const allowance = { left: 0, ended: 0, isCut: false }
const given: Allowance = {
  get leftBytes() {
    return allowance.left
  },
  take: (count) => {
    allowance.left -= count
  },
  end: () => {
    allowance.ended += 1
  },
  error: () => new MeshError('CARRIER_LIMIT', 'It is used up.'),
  cut: () => (allowance.isCut ? new MeshError('CARRIER_LIMIT', 'It was cut.') : undefined)
}

describe('a tunnel on a connection that carries only so much', () => {
  let pair: Pair
  let service: TestService

  beforeAll(async () => {
    pair = await startPair({
      dialer: (standard) => ({
        open: async (...asked) => ({ ...(await standard.open(...asked)), allowance: given })
      })
    })
    service = await startService(echo)
    pair.callee.plane.addService(makeService('svc', service.address))
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })

  const open = async (left: number) => {
    Object.assign(allowance, { left, ended: 0, isCut: false })
    const { tunnel } = await pair.caller.plane.openTarget(parseTarget('callee/svc'))
    const closed = new Promise<void>((resolve) => void tunnel.once('close', resolve))
    return { tunnel, closed }
  }
  const lastEnd = () => pair.callee.events.findLast(({ event }) => event === 'tunnel:closed')

  it('sends what is left and no byte more, and both sides are told why it ends', async () => {
    const { tunnel, closed } = await open(100 * KiB + 1)
    tunnel.write(bytes(200 * KiB))
    await closed
    expect(tunnel.errored).toMatchObject({ code: 'CARRIER_LIMIT', message: 'It is used up.' })
    expect(tunnel.bytesOut).toBe(100 * KiB + 1)
    await vi.waitFor(() => expect(lastEnd()).toMatchObject({ code: 'CARRIER_LIMIT', bytesIn: 100 * KiB + 1 }), 5_000)
  })

  it('ends well with the last byte that is left', async () => {
    const { tunnel } = await open(3)
    tunnel.end('abc')
    const [data] = await once(tunnel, 'data')
    expect(String(data)).toBe('abc')
    await once(tunnel, 'end')
    expect(tunnel.failure).toBeUndefined()
  })

  it('notes what the other end says of it', async () => {
    const { tunnel, closed } = await open(1_000)
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.inbound()).toHaveLength(1))
    for (const one of pair.callee.plane.tunnels.inbound()) one.tunnel.destroy(new MeshError('CARRIER_LIMIT'))
    await closed
    expect(tunnel.errored).toMatchObject({ message: 'It is used up.' })
    expect(allowance.ended).toBe(1)
  })

  it('ends with what is known of a cut, and is lost where nothing is', async () => {
    for (const isCut of [true, false]) {
      const { tunnel, closed } = await open(1_000)
      allowance.isCut = isCut
      await pair.cut('rst')
      await closed
      expect(tunnel.errored).toMatchObject(isCut ? { message: 'It was cut.' } : { code: 'CONNECTION_LOST' })
      await pair.reconnect()
    }
  })

  it('is ended with all others of its streams', async () => {
    const { tunnel, closed } = await open(1_000)
    pair.caller.plane.tunnels.closeOn([], new MeshError('CARRIER_LIMIT', 'Not this one.'))
    expect(tunnel.destroyed).toBe(false)
    pair.caller.plane.tunnels.closeOn(pair.connection().streams, new MeshError('CARRIER_LIMIT', 'All of them.'))
    await closed
    expect(tunnel.errored).toMatchObject({ message: 'All of them.' })
  })
})
