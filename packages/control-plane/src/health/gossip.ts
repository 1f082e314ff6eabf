import { TopicValidatorResult } from '@libp2p/gossipsub'
import { healthTopic, type NetworkId } from '@agent-mesh/wire'
import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'
import { encodeNews, type News } from './news.ts'
import { NewsRules } from './news-rules.ts'

/** gossipsub as it is, with an option that its type does not tell of. */
export interface HealthPubsub extends Pick<GossipSub, 'subscribe' | 'unsubscribe' | 'topicValidators'> {
  publish: (topic: string, data: Uint8Array, options?: { floodPublish?: boolean }) => Promise<unknown>
}

export interface HealthGossipInit {
  pubsub: HealthPubsub
  networkId: NetworkId
  self: string
  /** Milliseconds since 1970. */
  now: () => number
  /** A member, connected or not, whose certificate is known here and counts. */
  isMember: (peer: string) => boolean
  /** Looks at what a member says. `reject`: its digest is not what it may be, and whoever passed it on should have seen that. */
  take: (author: PeerId, news: News) => Promise<'accept' | 'ignore' | 'reject'>
  /** Somebody speaks whose certificate is not known here. */
  onUnknown: (author: PeerId, neighbour: PeerId) => void
}

const results = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
} as const

/** What members say of health to all others. */
export class HealthGossip {
  readonly #init: HealthGossipInit
  readonly #topic: string
  readonly #rules: NewsRules

  constructor(init: HealthGossipInit) {
    this.#init = init
    this.#topic = healthTopic(init.networkId)
    this.#rules = new NewsRules({
      now: init.now,
      self: init.self,
      isMember: init.isMember
    })
  }

  start(): void {
    const { pubsub } = this.#init
    pubsub.topicValidators.set(this.#topic, async (neighbour, message) =>
      this.#judge(neighbour, 'from' in message ? message.from : undefined, message.data)
    )
    pubsub.subscribe(this.#topic)
  }

  stop(): void {
    const { pubsub } = this.#init
    pubsub.unsubscribe(this.#topic)
    pubsub.topicValidators.delete(this.#topic)
  }

  /**
   * @param isUrgent - straight to every neighbour instead of some, which costs as many messages; for what has to be out
   * before this node is gone
   */
  async publish(news: News, { isUrgent = false }: { isUrgent?: boolean } = {}): Promise<void> {
    // nobody listens yet: members compare when they meet
    await this.#init.pubsub.publish(this.#topic, encodeNews(news), { floodPublish: isUrgent }).catch(() => {})
  }

  /** What a member said before counts as unsaid: it was expelled or forgotten. */
  forget(peer: string): void {
    this.#rules.forget(peer)
  }

  async #judge(neighbour: PeerId, author: PeerId | undefined, bytes: Uint8Array): Promise<TopicValidatorResult> {
    const verdict = this.#rules.judge(author?.toString(), bytes)
    if (verdict.is === 'reject') return results.reject
    if (verdict.is === 'accept' && author !== undefined) return results[await this.#init.take(author, verdict.news)]
    if (verdict.is === 'ignore' && verdict.why === 'unknown' && author !== undefined)
      this.#init.onUnknown(author, neighbour)
    return results.ignore
  }
}
