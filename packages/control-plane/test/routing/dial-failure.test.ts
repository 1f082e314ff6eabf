import { multiaddr } from '@multiformats/multiaddr'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { dialFailure, unreachableError } from '../../src/routing/dial-failure.ts'
import type { PeerId } from '@libp2p/interface'

let peer: PeerId
beforeAll(async () => {
  peer = (await (await createTestNetwork()).member('alice')).peerId
})

const named = (name: string, message = ''): Error => Object.assign(new Error(message), { name })
const mismatch = named('EncryptionFailedError', 'Payload identity key a does not match expected remote identity key b')
const far = multiaddr('/ip4/5.5.5.5/tcp/1')
const here = multiaddr('/ip4/127.0.0.1/tcp/1')

describe('a failed dial', () => {
  it.each([
    [mismatch, 'other-peer'],
    [named('EncryptionFailedError', 'Unexpected Peer'), 'other-peer'],
    [named('UnexpectedPeerError'), 'other-peer'],
    [named('EncryptionFailedError', 'unexpected end of input'), 'unreachable'],
    [named('ConnectionInterceptedError'), 'denied'],
    [named('TimeoutError'), 'timeout'],
    [named('AbortError'), 'timeout'],
    [named('Error', 'ECONNREFUSED'), 'unreachable'],
    ['text', 'unreachable']
  ])('with %s is told as %s', (err, kind) => {
    expect(dialFailure(far, err).kind).toBe(kind)
  })

  it('is bounded in what it says', () => {
    expect(dialFailure(far, new Error('x'.repeat(10_000))).reason).toHaveLength(200)
    const many = Array.from({ length: 100 }, () => dialFailure(far, new Error('x')))
    expect(unreachableError(peer, many).details['addresses']).toHaveLength(16)
  })

  it('of all addresses becomes one error with each reason', () => {
    const refused = dialFailure(far, new Error('ECONNREFUSED'))
    expect(unreachableError(peer, [refused])).toMatchObject({
      code: 'UNREACHABLE',
      details: { addresses: ['/ip4/5.5.5.5/tcp/1: ECONNREFUSED'] }
    })
    expect(unreachableError(peer, []).code).toBe('UNREACHABLE')
    expect(unreachableError(peer, [refused, dialFailure(far, mismatch)]).code).toBe('STALE_ROUTE')
    expect(unreachableError(peer, [dialFailure(far, named('DialDeniedError'))]).code).toBe('NOT_A_MEMBER')
  })

  it('at our own loopback says nothing of the route where the peer has other addresses', () => {
    const refused = dialFailure(far, new Error('ECONNREFUSED'))
    expect(unreachableError(peer, [refused, dialFailure(here, mismatch)]).code).toBe('UNREACHABLE')
    expect(unreachableError(peer, [dialFailure(here, mismatch)]).code).toBe('STALE_ROUTE')
  })
})
