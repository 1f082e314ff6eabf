import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { createAllowList } from '../../src/config/allow-list.ts'
import { createAuthorizer, type AuthorizerInit } from '../../src/daemon/authorize.ts'

const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const members: AuthorizerInit['admission'] = {
  has: () => true,
  membership: () => ({ name: 'bob', groups: ['ops'] })
}
const request = { metadata: [] }

type Policy = NonNullable<AuthorizerInit['policy']>
const policy = (decide: Policy['decide']): Policy => ({ decide, describe: () => 'policy version 7' })
const noPolicy: Policy = { decide: () => undefined, describe: () => undefined }
const granted = policy(() => ({ allowed: true, rule: 'grant 3, line 14' }))
const notGranted = policy(() => ({ allowed: false, rule: 'nothing grants it' }))
const revoked = (): { rule: string } => ({ rule: 'revoked by alice' })
const onlyOps = createAllowList(['group:ops'])
const onlyEve = createAllowList(['eve'])

const authorizer = (parts: Partial<AuthorizerInit>) =>
  createAuthorizer({ admission: members, capabilitiesOf: () => ['a/b'], allow: () => undefined, ...parts })
const verdict = (parts: Partial<AuthorizerInit>) => authorizer(parts).mayOpen(peer, 'web', request)

describe('layers of rules', () => {
  it.each<[string, Partial<AuthorizerInit>, object]>([
    [
      'members may, where nothing else is said',
      {},
      { allowed: true, layer: 'membership', rule: 'members may use what this node serves (no policy)' }
    ],
    [
      'strangers may not and learn nothing, whatever else allows them',
      { admission: { ...members, has: () => false }, policy: granted, allow: () => createAllowList(['members']) },
      { allowed: false, code: 'NOT_A_MEMBER', layer: 'membership', isStranger: true }
    ],
    [
      'a revoked certificate counts before the policy',
      { revocation: revoked, policy: granted, allow: () => onlyOps },
      { allowed: false, code: 'REVOKED', layer: 'revocation', rule: 'revoked by alice' }
    ],
    ['a grant is shown', { policy: granted }, { allowed: true, layer: 'policy', rule: 'grant 3, line 14' }],
    [
      'what is not granted is denied, though the service names the caller',
      { policy: notGranted, allow: () => onlyOps },
      { allowed: false, code: 'DENIED', layer: 'policy', rule: 'nothing grants it' }
    ],
    [
      'what the service does not name is denied, though it is granted',
      { policy: granted, allow: () => onlyEve },
      { allowed: false, code: 'DENIED', layer: 'allow', rule: 'serve --allow names only eve' }
    ],
    [
      'serve --allow narrows where there is no policy',
      { policy: noPolicy, allow: () => onlyEve },
      { allowed: false, code: 'DENIED', layer: 'allow' }
    ],
    [
      'the most specific rule is shown where all agree',
      { policy: granted, allow: () => onlyOps },
      { allowed: true, layer: 'allow', rule: 'serve --allow: group:ops' }
    ]
  ])('%s', (_, parts, expected) => {
    expect(verdict(parts)).toMatchObject(expected)
  })

  it('give the policy the caller, the service and its capabilities', () => {
    const asked: unknown[] = []
    verdict({
      policy: policy((...all) => {
        asked.push(...all)
        return undefined
      })
    })
    expect(asked).toEqual([{ peerId: peer.toString(), name: 'bob', groups: ['ops'], isMember: true }, 'web', ['a/b']])
  })

  it('are all asked for an explanation, also after one that denies', () => {
    const both = authorizer({ revocation: revoked, policy: notGranted, allow: () => onlyOps })
    expect(both.opinions(both.callerOf(peer), 'web').map(({ layer, opinion }) => [layer, opinion?.allowed])).toEqual([
      ['membership', true],
      ['revocation', false],
      ['policy', false],
      ['allow', true]
    ])
  })

  it.each<[Partial<AuthorizerInit>, string]>([
    [{}, 'members may use what this node serves (no policy)'],
    [{ policy: noPolicy }, 'members may use what this node serves (no policy)'],
    [{ allow: () => onlyOps }, 'serve --allow: group:ops'],
    [{ policy: granted }, 'policy version 7'],
    [{ policy: granted, allow: () => onlyOps }, 'policy version 7, and serve --allow: group:ops']
  ])('say on the screen who may %#', (parts, text) => {
    expect(authorizer(parts).ruleOf('web')).toBe(text)
  })
})
