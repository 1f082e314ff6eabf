import { deadline } from '@agent-mesh/control-plane'
import { limits, MeshError, parseTarget, toMeshError } from '@agent-mesh/wire'
import type { WhyRequest, WhyResponse } from '@agent-mesh/wire/api'
import { judge } from './judge.ts'
import { whyLayers } from './layers.ts'
import type { Probe, WhyContext, WhyPorts } from './layer.ts'

/** Looking up, dialling and opening once, each to its own limit. */
const longestMs = limits.lookupTimeoutMs + limits.dialTimeoutMs + limits.tunnelOpenTimeoutMs

/** Answers why a target can, or cannot, be used. */
export class Why {
  readonly #ports: WhyPorts

  constructor(ports: WhyPorts) {
    this.#ports = ports
  }

  /** @throws MeshError TARGET_INVALID; whatever else fails is part of the answer */
  async ask({ target: text, from, timeoutMs }: WhyRequest, { signal }: { signal: AbortSignal }): Promise<WhyResponse> {
    const started = performance.now()
    const target = parseTarget(text)
    if (from !== undefined) parseTarget(from)
    const context: WhyContext = {
      target,
      text,
      from,
      ports: this.#ports,
      nowMs: (this.#ports.now ?? Date.now)(),
      direction: from === undefined ? 'outbound' : 'inbound',
      peer: undefined,
      name: text,
      service: undefined,
      record: undefined,
      membership: undefined,
      connection: undefined,
      probe: async (inner) => (probed ??= this.#probe(context, inner))
    }
    let probed: Promise<Probe> | undefined
    const verdict = await judge(whyLayers, context, { signal: deadline(timeoutMs ?? longestMs, signal) })
    return {
      target: text,
      ...(from === undefined ? {} : { from }),
      ...verdict,
      elapsedMs: Math.round(performance.now() - started)
    }
  }

  async #probe({ peer, service }: WhyContext, signal: AbortSignal): Promise<Probe> {
    const started = performance.now()
    if (peer === undefined || service === undefined) return { error: new MeshError('TARGET_INVALID') }
    try {
      const { tunnel } = await this.#ports.dataPlane.openTarget(
        { kind: 'peer', peerId: peer.toString(), service },
        { signal }
      )
      tunnel.destroy()
      return { durationMs: performance.now() - started }
    } catch (err) {
      return { error: toMeshError(err) }
    }
  }
}
