import type { Authorizer, Verdict } from '@agent-mesh/data-plane'
import type { ErrorCode } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'
import type { AllowList, Subject } from '../config/allow-list.ts'

/** Somebody who asks for a service of this node. */
export interface Caller extends Subject {
  /** It holds a certificate of this network that is valid at this moment. */
  isMember: boolean
}

/** What one layer says of a caller: nothing where it has no rule for the case. */
type Opinion = { allowed: true; rule: string } | { allowed: false; code: ErrorCode; rule: string; isStranger?: boolean }

type RuleLayerName = 'membership' | 'revocation' | 'policy' | 'allow'

/** The rules that come from elsewhere. Each is asked at every decision, so that a change holds at once. */
interface Rules {
  /** Why the certificate of this caller counts for nothing any more. */
  revocation?: ((caller: Caller) => { rule: string; code?: ErrorCode } | undefined) | undefined
  policy?:
    | {
        /** @returns undefined where there is no policy */
        decide: (
          caller: Subject,
          service: string,
          capabilities: string[]
        ) => { allowed: boolean; rule: string } | undefined
        /** `policy version 7`; undefined where there is none. */
        describe: () => string | undefined
      }
    | undefined
  /** Whom `serve --allow` named; undefined where it named nobody. */
  allow: (service: string) => AllowList | undefined
}

export interface AuthorizerInit extends Rules {
  admission: {
    /** It is admitted at this moment. */
    has: (peer: PeerId) => boolean
    /** What its certificate says. */
    membership: (peer: PeerId) => { name: string; groups: readonly string[] } | undefined
  }
  /** Capabilities that a service of this node answers. */
  capabilitiesOf: (service: string) => string[]
}

export interface NodeAuthorizer extends Authorizer {
  /** What each layer says, in their order, also after one that denies. */
  opinions: (caller: Caller, service: string) => Array<{ layer: RuleLayerName; opinion: Opinion | undefined }>
  callerOf: (peer: PeerId) => Caller
  /** Who may open a service, for the screen. */
  ruleOf: (service: string) => string
}

const membersRule = 'members may use what this node serves (no policy)'

type Layer = readonly [RuleLayerName, (caller: Caller, service: string) => Opinion | undefined]

/** The layers in their order: the first that denies decides. */
const layersOf = ({ revocation, policy, allow, capabilitiesOf }: Omit<AuthorizerInit, 'admission'>): Layer[] => [
  [
    'membership',
    ({ isMember }) =>
      isMember
        ? { allowed: true, rule: membersRule }
        : { allowed: false, code: 'NOT_A_MEMBER', rule: 'only members may open tunnels', isStranger: true }
  ],
  [
    'revocation',
    (caller) => {
      const found = revocation?.(caller)
      return found === undefined ? undefined : { allowed: false, code: found.code ?? 'REVOKED', rule: found.rule }
    }
  ],
  [
    'policy',
    (caller, service) => {
      const decision = policy?.decide(caller, service, capabilitiesOf(service))
      if (decision === undefined) return undefined
      const { allowed, rule } = decision
      return allowed ? { allowed, rule } : { allowed, code: 'DENIED', rule }
    }
  ],
  [
    'allow',
    (caller, service) => {
      const list = allow(service)
      if (list === undefined) return undefined
      const named = list.subjects.join(', ')
      return list.allows(caller)
        ? { allowed: true, rule: `serve --allow: ${named}` }
        : { allowed: false, code: 'DENIED', rule: `serve --allow names only ${named}` }
    }
  ]
]

/**
 * Decides who may open which service of this node, by layers: membership, revocation, policy, `serve --allow`. All of
 * them have to agree. The rule that is shown is that of the layer that denied, otherwise the most specific one.
 */
export const createAuthorizer = ({ admission, ...rules }: AuthorizerInit): NodeAuthorizer => {
  const layers = layersOf(rules)
  const callerOf = (peer: PeerId): Caller => {
    const membership = admission.membership(peer)
    return {
      peerId: peer.toString(),
      name: membership?.name ?? '',
      groups: membership?.groups ?? [],
      isMember: membership !== undefined && admission.has(peer)
    }
  }
  return {
    callerOf,
    mayOpen: (peer, service) => decide(layers, callerOf(peer), service),
    opinions: (caller, service) => layers.map(([layer, ask]) => ({ layer, opinion: ask(caller, service) })),
    ruleOf: (service) => {
      const list = rules.allow(service)
      const named = list === undefined ? undefined : `serve --allow: ${list.subjects.join(', ')}`
      const parts = [rules.policy?.describe(), named].filter((part) => part !== undefined)
      return parts.length === 0 ? membersRule : parts.join(', and ')
    }
  }
}

const decide = (layers: Layer[], caller: Caller, service: string): Verdict => {
  let verdict: Verdict = { allowed: false, code: 'DENIED', rule: 'no layer allows it' }
  for (const [layer, ask] of layers) {
    const opinion = ask(caller, service)
    if (opinion === undefined) continue
    verdict = { ...opinion, layer }
    if (!opinion.allowed) return verdict
  }
  return verdict
}
