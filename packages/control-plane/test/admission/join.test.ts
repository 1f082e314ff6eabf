import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it, vi } from 'vitest'
import { decodeTicket, encodeTicket } from '@agent-mesh/identity'
import { createHost, createTestNetwork, seededRandom, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { JoinAnswer, limits, MeshError, protocols, toWireCode, type ErrorCode, type Ticket } from '@agent-mesh/wire'
import { admission, join, requestJoin, StrangerLimits, type StrangerRates } from '../../src/index.ts'
import { bareStranger, link, readMessage, track } from './fixture.ts'
import { Invitations } from './invitations.ts'
import type { Connection, PeerId } from '@libp2p/interface'

const host = async (
  network: TestNetwork,
  member: TestMember,
  init: {
    invitations?: Invitations
    rates?: Partial<StrangerRates>
    connect?: (issuer: PeerId) => Promise<Connection>
    helloTimeoutMs?: number
  } = {}
) => {
  const { networkId, networkKey } = network
  const { invitations = new Invitations(network), rates = {}, connect, helloTimeoutMs = limits.helloTimeoutMs } = init
  const strangers = new StrangerLimits({ rates: { connectionsPerSecond: 1_000, ...rates } })
  return track(
    await createHost({
      network,
      member,
      libp2p: { connectionGater: strangers.connectionGater },
      services: {
        admission: admission({
          networkId,
          networkKey,
          chain: () => member.chain,
          agent: 'test',
          gate: strangers,
          helloTimeoutMs
        }),
        join: join({
          networkId,
          sealKeyOf: invitations.sealKeyOf,
          redeem: async (plea) => ({ ...(await invitations.redeem(plea)), policyVersion: 0 }),
          limits: strangers,
          ...(connect === undefined ? {} : { connect })
        })
      }
    })
  )
}

type Host = Awaited<ReturnType<typeof host>>

const visit = async (network: TestNetwork, to: Host): Promise<Connection> => {
  const stranger = await bareStranger(network)
  return stranger.libp2p.dial(to.libp2p.getMultiaddrs())
}

/** One network with an issuer. */
const setUp = async (init: { rates?: Partial<StrangerRates>; helloTimeoutMs?: number } = {}) => {
  const network = await createTestNetwork()
  const invitations = new Invitations(network)
  const issuer = await host(network, await network.member('issuer', { mayAdmit: true }), { invitations, ...init })
  return { network, invitations, issuer, key: await generateKeyPair('Ed25519') }
}

const elevenMinutesAgo = (): number => Date.now() - 11 * 60_000

describe('a join', () => {
  it('with a ticket ends in a certificate that the issuer admits', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const text = encodeTicket(invitations.create(issuer.libp2p.peerId))
    const ticket = decodeTicket(text, Date.now())
    const connection = await visit(network, issuer)
    const joined = await requestJoin({ connection, ticket, key, name: 'bob' })
    expect(joined.membership).toMatchObject({ name: 'bob', isIssuedByRoot: true })
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 3_000)
    const bob = await host(network, {
      name: 'bob',
      privateKey: key,
      peerId: joined.membership.peerId,
      chain: joined.chain
    })
    await link(bob, issuer)
    await vi.waitFor(() => expect(issuer.libp2p.services.admission.membership(bob.libp2p.peerId)?.name).toBe('bob'))
  })

  it('is passed on by any other member, who cannot read it', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const ticket = invitations.create(issuer.libp2p.peerId)
    const middle = await host(network, await network.member('middle'))
    await link(middle, issuer)
    const connection = await visit(network, middle)
    const passed = vi.spyOn(invitations.list, 'set')
    const joined = await requestJoin({ connection, ticket, key, name: 'bob' })
    expect(joined.membership.name).toBe('bob')
    expect(passed).toHaveBeenCalledTimes(1)
  })

  it('says that the issuer cannot be reached', async () => {
    const { network, invitations, key } = await setUp()
    const { peerId } = await network.member('elsewhere')
    const middle = await host(network, await network.member('middle'))
    const connection = await visit(network, middle)
    const ticket = invitations.create(peerId)
    await expect(requestJoin({ connection, ticket, key, name: 'bob' })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  it('may be asked for again by the same peer, whose first answer was lost', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const ticket = invitations.create(issuer.libp2p.peerId)
    for (const connection of [await visit(network, issuer), await visit(network, issuer)]) {
      expect((await requestJoin({ connection, ticket, key, name: 'bob' })).membership.name).toBe('bob')
    }
  })

  it('is refused with the code of the reason, directly and through a member', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const middle = await host(network, await network.member('middle'))
    await link(middle, issuer)
    const fresh = (): Ticket => invitations.create(issuer.libp2p.peerId)
    const used = fresh()
    await requestJoin({
      connection: await visit(network, issuer),
      ticket: used,
      key: await generateKeyPair('Ed25519'),
      name: 'first'
    })
    invitations.names.add('taken')
    const expired = invitations.create(issuer.libp2p.peerId, { lifetimeMs: 1 })
    const tampered = { ...fresh(), secret: new Uint8Array(16) }
    const unknown = { ...fresh(), inviteId: new Uint8Array(16) }
    const sealedElsewhere = { ...fresh(), sealKey: fresh().sealKey }
    const cases: Array<[ErrorCode, Ticket, string]> = [
      ['TICKET_USED', used, 'bob'],
      ['TICKET_EXPIRED', expired, 'bob'],
      ['TICKET_UNKNOWN', tampered, 'bob'],
      ['TICKET_UNKNOWN', unknown, 'bob'],
      ['TICKET_INVALID', sealedElsewhere, 'bob'],
      ['NAME_TAKEN', fresh(), 'taken']
    ]
    for (const to of [issuer, middle]) {
      for (const [code, ticket, name] of cases) {
        const connection = await visit(network, to)
        await expect(requestJoin({ connection, ticket, key, name }), code).rejects.toMatchObject({ code })
      }
    }
  })

  it('from a clock that is off is told so', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const ticket = invitations.create(issuer.libp2p.peerId)
    const connection = await visit(network, issuer)
    await expect(requestJoin({ connection, ticket, key, name: 'bob', now: elevenMinutesAgo })).rejects.toMatchObject({
      code: 'CLOCK_SKEW'
    })
  })

  it('to a node of another network is no join', async () => {
    const { invitations, issuer, key } = await setUp()
    const other = await setUp()
    const ticket = invitations.create(issuer.libp2p.peerId)
    const connection = await visit(other.network, other.issuer)
    await expect(requestJoin({ connection, ticket, key, name: 'bob' })).rejects.toMatchObject({ code: 'NOT_A_MEMBER' })
  })

  it('may take longer than a hello, and gives nothing else meanwhile', async () => {
    const { network, invitations, issuer, key } = await setUp({ helloTimeoutMs: 500 })
    invitations.delayMs = 1_500
    const ticket = invitations.create(issuer.libp2p.peerId)
    const connection = await visit(network, issuer)
    const joining = requestJoin({ connection, ticket, key, name: 'bob' })
    const started = performance.now()
    const ping = await connection.newStream(`/${protocols(network.networkId).prefix}/ping/1.0.0`)
    const echoed = vi.fn()
    ping.addEventListener('message', echoed)
    ping.send(new Uint8Array(32))
    expect((await joining).membership.name).toBe('bob')
    expect(performance.now() - started).toBeGreaterThan(1_000)
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 3_000)
    expect(echoed).not.toHaveBeenCalled()
    expect(issuer.libp2p.services.admission.members()).toEqual([])
  })

  it('comes once for each connection', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const connection = await visit(network, issuer)
    await requestJoin({ connection, ticket: invitations.create(issuer.libp2p.peerId), key, name: 'bob' })
    const again = requestJoin({ connection, ticket: invitations.create(issuer.libp2p.peerId), key, name: 'bob' })
    await expect(again).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })
})

const ask = async (network: TestNetwork, to: Host, ticket: Ticket): Promise<string> => {
  const key = await generateKeyPair('Ed25519')
  return requestJoin({ connection: await visit(network, to), ticket, key, name: 'bob' }).then(
    () => 'joined',
    (err: unknown) => (err instanceof MeshError ? err.code : String(err))
  )
}

describe('joins without end', () => {
  it('are limited for each host', async () => {
    const { network, invitations, issuer } = await setUp({ rates: { joinsPerMinutePerHost: 3 } })
    const outcomes: string[] = []
    for (let count = 0; count < 4; count += 1)
      outcomes.push(await ask(network, issuer, invitations.create(issuer.libp2p.peerId)))
    expect(outcomes).toEqual(['joined', 'joined', 'joined', 'RATE_LIMITED'])
  })

  it('are limited as a whole, those that members pass on too', async () => {
    const { network, invitations, issuer } = await setUp({ rates: { joinsPerMinute: 2 } })
    const middle = await host(network, await network.member('middle'))
    await link(middle, issuer)
    const outcomes: string[] = []
    for (let count = 0; count < 3; count += 1)
      outcomes.push(await ask(network, middle, invitations.create(issuer.libp2p.peerId)))
    expect(outcomes).toEqual(['joined', 'joined', 'RATE_LIMITED'])
  })

  it('are limited at one time', async () => {
    const { network, invitations, issuer } = await setUp({ rates: { joinsInProgress: 2 } })
    invitations.delayMs = 500
    const outcomes = await Promise.all(
      [1, 2, 3].map(async () => ask(network, issuer, invitations.create(issuer.libp2p.peerId)))
    )
    expect(outcomes.toSorted()).toEqual(['RATE_LIMITED', 'joined', 'joined'])
    expect(await ask(network, issuer, invitations.create(issuer.libp2p.peerId))).toBe('joined')
  })
})

describe('bad joins', () => {
  it('that are garbage or too long are refused, and hurt nobody', async () => {
    const { network, invitations, issuer, key } = await setUp({ helloTimeoutMs: 1_000 })
    const { bytes: someBytes, integer, seed } = seededRandom(Date.now())
    const tooLong = Uint8Array.of(0x81, 0x40)
    for (const message of [
      tooLong,
      Uint8Array.of(3, 255, 255, 255),
      ...Array.from({ length: 10 }, () => someBytes(integer(1, 500)))
    ]) {
      const connection = await visit(network, issuer)
      const stream = await connection.newStream(protocols(network.networkId).join)
      stream.send(message)
      await stream.close().catch(() => {})
      const answer = await readMessage(stream).then(
        (bytes) => JoinAnswer.decode(bytes).code,
        (err: unknown) => err
      )
      if (message === tooLong) expect(answer).toBe(toWireCode('TICKET_INVALID'))
      else expect(answer instanceof MeshError || answer !== 0, `seed ${seed}`).toBe(true)
    }
    const ticket = invitations.create(issuer.libp2p.peerId)
    expect(
      (await requestJoin({ connection: await visit(network, issuer), ticket, key, name: 'bob' })).membership.name
    ).toBe('bob')
  })

  it('that come a byte at a time are cut at the deadline of a hello', async () => {
    const { network, issuer } = await setUp({ helloTimeoutMs: 800 })
    const connection = await visit(network, issuer)
    const started = performance.now()
    const stream = await connection.newStream(protocols(network.networkId).join)
    const drip = setInterval(() => stream.status === 'open' && stream.send(Uint8Array.of(100)), 100)
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 3_000)
    clearInterval(drip)
    expect(performance.now() - started).toBeLessThan(1_500)
  })

  it('get nothing of what this node keeps to itself', async () => {
    const { network, invitations, issuer, key } = await setUp()
    const ticket = invitations.create(issuer.libp2p.peerId)
    vi.spyOn(invitations.list, 'set').mockImplementation(() => {
      throw new MeshError('STATE_UNREADABLE', 'secret/invites.json cannot be written.')
    })
    const connection = await visit(network, issuer)
    const refused = requestJoin({ connection, ticket, key, name: 'bob' })
    await expect(refused).rejects.toMatchObject({ code: 'INTERNAL' })
    await expect(refused).rejects.not.toThrow(/secret/)
  })
})
