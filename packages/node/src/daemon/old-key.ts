import { openSuccession, type VerifiedSuccession } from '@agent-mesh/identity'
import type { Admission, RevocationKeeper } from '@agent-mesh/control-plane'
import { limits, toMeshError } from '@agent-mesh/wire'
import { rm } from 'node:fs/promises'
import type { StateFiles } from '../state/documents.ts'
import type { Identity } from '../state/identity.ts'
import type { EventBus } from './event-bus.ts'
import type { OwnRenewal } from './own-renewal.ts'
import type { Revocations } from './revocations.ts'

export interface OldKeyInit {
  identity: Identity
  files: Pick<StateFiles, 'succession'>
  keeper: Pick<RevocationKeeper, 'onChange'>
  admission: Pick<Admission, 'membership' | 'onChange'>
  ownRenewal: Pick<OwnRenewal, 'issuers' | 'reportStored'>
  revocations: Pick<Revocations, 'replace' | 'isReplaced'>
  events: EventBus
  now?: () => number
  /** Pause after an attempt at which nobody could be asked. Default: 30 s. */
  retryMs?: number
}

/** After a change of keys: sees to it that the old one is revoked, over as many starts as it takes. */
export class OldKey {
  readonly #init: OldKeyInit
  readonly #stops: Array<() => void> = []
  #succession: VerifiedSuccession | undefined
  #running: Promise<void> | undefined
  /** Something changed while an attempt ran. */
  #isDue = false
  #isStopped = false

  constructor(init: OldKeyInit) {
    this.#init = init
  }

  /** @throws MeshError STATE_DAMAGED, STATE_UNREADABLE */
  async start(): Promise<void> {
    const { files, identity, keeper, admission, now = Date.now, retryMs = 30_000 } = this.#init
    const stored = await files.succession.read()
    if (stored === undefined) return
    const bytes = new Uint8Array(Buffer.from(stored.succession, 'base64'))
    this.#succession = await openSuccession(bytes, {
      networkKey: identity.networkKey,
      nowMs: Math.max(now(), identity.membership.issuedMs),
      code: 'STATE_DAMAGED'
    })
    const timer = setInterval(() => this.#look(), retryMs).unref()
    this.#stops.push(
      () => clearInterval(timer),
      keeper.onChange(() => this.#look()),
      admission.onChange((change, peer) => {
        if (change === 'admit' && admission.membership(peer)?.mayAdmit === true) this.#look()
      })
    )
    this.#look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const stop of this.#stops.splice(0)) stop()
    await this.#running
  }

  #look(): void {
    if (this.#isStopped) return
    this.#isDue = this.#running !== undefined
    this.#running ??= this.#attempt()
      .catch((err: unknown) => {
        const { code, message } = toMeshError(err)
        this.#init.events.emit('warn', 'key:not-succeeded', { code, message })
      })
      .finally(() => {
        this.#running = undefined
        if (this.#isDue) this.#look()
      })
  }

  async #attempt(): Promise<void> {
    const { identity, revocations, ownRenewal, files } = this.#init
    const succession = this.#succession
    if (succession === undefined) return
    if (this.#isOver(succession)) {
      this.#succession = undefined
      for (const stop of this.#stops.splice(0)) stop()
      await rm(files.succession.path, { force: true })
      this.#init.events.emit('info', 'key:succeeded', { peer: succession.oldPeer.toString() })
      return
    }
    if (identity.rootKey !== undefined) return revocations.replace(succession.bytes)
    for (const issuer of ownRenewal.issuers()) {
      const isTold = await ownRenewal.reportStored(issuer, succession.bytes).then(
        () => true,
        () => false
      )
      if (isTold) return
    }
  }

  /** The revocation is here, or every certificate of the old key has ended. */
  #isOver(succession: VerifiedSuccession): boolean {
    const { revocations, now = Date.now } = this.#init
    if (now() > succession.timeMs + limits.certificateLifetimeMs + limits.clockToleranceMs) return true
    return revocations.isReplaced(succession)
  }
}
