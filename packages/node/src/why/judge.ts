import { abortedError } from '@agent-mesh/control-plane'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import type { WhyResponse, WhyStep } from '@agent-mesh/wire/api'
import { failed, skipped, type Finding, type WhyContext, type WhyLayer } from './layer.ts'

/** One verdict through all layers: it stops judging at the first that fails, and names it. */
export const judge = async (
  layers: readonly WhyLayer[],
  context: WhyContext,
  { signal }: { signal: AbortSignal }
): Promise<Pick<WhyResponse, 'verdict' | 'failed' | 'steps'>> => {
  const steps: WhyStep[] = []
  let first: WhyStep | undefined
  for (const layer of layers) {
    const finding = first === undefined ? await ask(layer, context, signal) : skipped('not reached')
    const step = { layer: layer.name, ...finding }
    steps.push(step)
    if (finding.verdict === 'failed') first = step
  }
  return first === undefined
    ? { verdict: 'ok', steps }
    : { verdict: 'failed', failed: { ...first, layer: first.blames ?? first.layer }, steps }
}

const ask = async (layer: WhyLayer, context: WhyContext, signal: AbortSignal): Promise<Finding> => {
  try {
    signal.throwIfAborted()
    return await layer.check(context, { signal })
  } catch (err) {
    const isCutShort = signal.aborted && !(err instanceof MeshError)
    return failed(isCutShort ? abortedError(signal, `The look at ${layer.name}`) : toMeshError(err))
  }
}
