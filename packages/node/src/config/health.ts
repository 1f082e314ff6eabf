import { z } from 'zod'
import { detectorPresets, type DetectorSettings } from '@agent-mesh/control-plane'
import { duration } from './duration.ts'

/**
 * How members are watched. Formulas and names are those of SWIM (Das, Gupta, Motivala 2002), Lifeguard (Dadgar, Phillips,
 * Currey 2018) and memberlist, whose knob is named with each.
 */
export const healthSection = z
  .strictObject({
    preset: z
      .enum(['lan', 'wan', 'local'])
      .default('lan')
      .describe(
        'What the settings below start from: `lan` for links with round trips under 200 ms, `wan` for slow or lossy ones, `local` for one machine. The same on all members of a network.'
      ),
    probe_interval: duration(100, 60_000)
      .optional()
      .describe(
        'Between two probes that this node begins (memberlist ProbeInterval; lan 1s, wan 5s, local 1s). Each neighbour is probed once a round of them, and all its neighbours probe it: a crash is noticed after about one interval.'
      ),
    probe_timeout: duration(50, 30_000)
      .optional()
      .describe(
        'Until others are asked to probe as well (memberlist ProbeTimeout; lan 500ms, wan 3s, local 200ms). Above the 99th percentile of the round trips; at most the interval.'
      ),
    indirect_probes: z
      .number()
      .int()
      .min(0)
      .max(8)
      .optional()
      .describe('Members that are asked to probe on behalf of this node (SWIM k, memberlist IndirectChecks; 3).'),
    suspicion_multiplier: z
      .number()
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Shortest suspicion = this × max(1, log10 members) × probe_interval (memberlist SuspicionMult; lan 4, wan 6, local 3). Longer: fewer false deaths. Shorter: the dead are known sooner.'
      ),
    suspicion_max_multiplier: z
      .number()
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Longest suspicion = this × the shortest, where no other member confirms it (Lifeguard, memberlist SuspicionMaxTimeoutMult; 6).'
      ),
    digest_interval: duration(1_000, 600_000)
      .optional()
      .describe(
        'Between two digests = max(this, members × this ÷ 33), so that all digests together cost a node the same however many members there are (5s).'
      )
  })
  .prefault({})

export type HealthConfig = z.output<typeof healthSection>

/** Members from which on digests become rarer, at the default interval and 150 ms for each member. */
const constantFrom = 5_000 / 150

/** The knobs of the detector: those of the preset, but for what is said. */
export const detectorSettings = (config: HealthConfig): DetectorSettings => {
  const base = detectorPresets[config.preset]
  const { digest_interval: digestMs } = config
  return {
    ...base,
    probeIntervalMs: config.probe_interval ?? base.probeIntervalMs,
    probeTimeoutMs: config.probe_timeout ?? base.probeTimeoutMs,
    indirectProbes: config.indirect_probes ?? base.indirectProbes,
    suspicionMultiplier: config.suspicion_multiplier ?? base.suspicionMultiplier,
    suspicionMaxMultiplier: config.suspicion_max_multiplier ?? base.suspicionMaxMultiplier,
    ...(digestMs === undefined
      ? {}
      : { digestIntervalMs: (members: number) => digestMs * Math.max(1, members / constantFrom) })
  }
}
