import type { Admission, PolicyKeeper, Replication } from '@agent-mesh/control-plane'
import type { Connection, PeerId, Stream } from '@libp2p/interface'

export interface FirstComparisonInit {
  admission: Pick<Admission, 'greeting' | 'members' | 'onChange'>
  keeper: Pick<PolicyKeeper, 'state' | 'version'>
  replication: Pick<Replication, 'syncWith'>
  /** What serves a tunnel. */
  serve: (stream: Stream, connection: Connection) => void
}

/** Longest wait of a tunnel: who only says that it holds a newer policy must not keep it for longer. */
const mostMs = 2_000

/**
 * The hello says which version of the policy a member holds. Where it is newer than the one here, it is pulled at once,
 * and the tunnels that this member opens wait until that has ended; where none is held here, all tunnels wait.
 */
export class FirstComparison {
  readonly #init: FirstComparisonInit
  /** By instance of a member: what is under way, or has ended. */
  readonly #comparisons = new Map<string, { instanceId: string; ended: Promise<void> | undefined }>()
  #stopListening: (() => void) | undefined

  constructor(init: FirstComparisonInit) {
    this.#init = init
  }

  start(): void {
    const { admission } = this.#init
    this.#stopListening = admission.onChange((change, peer) => {
      if (change === 'gone') this.#comparisons.delete(peer.toString())
      else this.#begin(peer)
    })
    for (const peer of admission.members()) this.#begin(peer)
  }

  stop(): void {
    this.#stopListening?.()
  }

  readonly handler = (stream: Stream, connection: Connection): void => {
    this.#begin(connection.remotePeer) // a stream may be here before the listener was told
    const awaited = this.#awaitedBy(connection.remotePeer)
    if (awaited.length === 0) {
      this.#init.serve(stream, connection)
      return
    }
    // what it sends meanwhile stays with it
    if (stream.readStatus === 'readable') stream.pause()
    void this.#serveAfter(awaited, stream, connection)
  }

  async #serveAfter(awaited: Array<Promise<void>>, stream: Stream, connection: Connection): Promise<void> {
    await Promise.all(awaited) // none of them ever rejects
    this.#init.serve(stream, connection)
    if (stream.readStatus === 'paused') stream.resume()
  }

  #awaitedBy(peer: PeerId): Array<Promise<void>> {
    const isHeld = this.#init.keeper.state === 'held'
    const own = this.#comparisons.get(peer.toString())
    const those = isHeld ? (own === undefined ? [] : [own]) : [...this.#comparisons.values()]
    return those.flatMap(({ ended }) => ended ?? [])
  }

  #begin(peer: PeerId): void {
    const { admission, keeper, replication } = this.#init
    const key = peer.toString()
    const greeting = admission.greeting(peer)
    if (greeting === undefined || greeting.policyVersion <= keeper.version()) return
    const { instanceId } = greeting
    if (this.#comparisons.get(key)?.instanceId === instanceId) return
    const comparison: { instanceId: string; ended: Promise<void> | undefined } = { instanceId, ended: undefined }
    const end = (): void => {
      comparison.ended = undefined
    }
    this.#comparisons.set(key, comparison)
    comparison.ended = replication.syncWith(peer, { signal: AbortSignal.timeout(mostMs) }).then(end, end)
  }
}
