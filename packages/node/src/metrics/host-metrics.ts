import { Counter, Gauge, Histogram, Summary, type Registry } from 'prom-client'
import type {
  CalculatedMetricOptions,
  Counter as HostCounter,
  CounterGroup,
  Histogram as HostHistogram,
  HistogramGroup,
  HistogramOptions,
  Metric,
  MetricGroup,
  MetricOptions,
  Metrics,
  Summary as HostSummary,
  SummaryGroup,
  SummaryOptions
} from '@libp2p/interface'

type Values = Record<string, unknown>
type Calculated = Partial<CalculatedMetricOptions<number | Record<string, number>>>

const word = (text: string): string => text.replaceAll(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')

/** Of a group, whatever is no number counts as one. */
const amounts = (values: Values): Array<[string, number]> =>
  Object.entries(values).map(([key, value]) => [key, typeof value === 'number' ? value : 1])

const describe = (name: string, { help = name, label }: MetricOptions, isGroup: boolean, registry: Registry) => {
  const labelNames = isGroup || label !== undefined ? [word(label ?? name)] : []
  return { name: word(name), help, labelNames, registers: [registry], label: labelNames[0] ?? '' }
}

/** Hands a calculated value to whoever sets it, one by one. */
const collectorOf = (
  { calculate }: Calculated,
  take: (key: string | undefined, value: number) => void,
  clear: () => void = () => {}
): { collect?: () => Promise<void> } =>
  calculate === undefined
    ? {}
    : {
        collect: async () => {
          const found = await calculate()
          clear()
          if (typeof found === 'number') take(undefined, found)
          else for (const [key, value] of amounts(found)) take(key, value)
        }
      }

const observer = (
  made: Histogram | Summary,
  label: string
): HostHistogram & HistogramGroup & HostSummary & SummaryGroup => ({
  observe: (values: number | Values) => {
    if (typeof values === 'number') made.observe(values)
    else for (const [key, value] of amounts(values)) made.observe({ [label]: key }, value)
  },
  reset: () => made.reset(),
  timer: (key?: string) => made.startTimer(key === undefined ? {} : { [label]: key })
})

/** One registration per name: parts of the host share some. */
const once = <T>(make: (name: string, options: object, isGroup: boolean) => T, isGroup: boolean) => {
  const made = new Map<string, T>()
  return (name: string, options: object = {}): T => {
    const found = made.get(name) ?? make(name, options, isGroup)
    made.set(name, found)
    return found
  }
}

/**
 * What the libp2p host counts, in the registry of its node. The well-known adapter keeps all metrics in a map of its module,
 * so that the second node of a process, or the first one restarted in it, would expose nothing of its own; see
 * docs/decisions/0014. Bytes of streams are not counted here: tunnels count their own.
 */
export const hostMetrics = (registry: Registry): (() => Metrics) => {
  const gauge = (name: string, options: MetricOptions & Calculated, isGroup: boolean): Metric & MetricGroup => {
    const { label, ...described } = describe(name, options, isGroup, registry)
    const labelled = (key: string): Record<string, string> => ({ [label]: key })
    const made: Gauge = new Gauge({
      ...described,
      ...collectorOf(
        options,
        (key, value) => (key === undefined ? made.set(value) : made.set(labelled(key), value)),
        () => made.reset()
      )
    })
    const each = (values: number | Values, one: (labels: Record<string, string>, value: number) => void): void => {
      if (typeof values === 'number') one({}, values)
      else for (const [key, value] of amounts(values)) one(labelled(key), value)
    }
    return {
      update: (values: number | Values) => each(values, (labels, value) => made.set(labels, value)),
      increment: (values: number | Values = 1) => each(values, (labels, value) => made.inc(labels, value)),
      decrement: (values: number | Values = 1) => each(values, (labels, value) => made.dec(labels, value)),
      reset: () => made.reset(),
      timer: (key?: string) => made.startTimer(key === undefined ? {} : labelled(key))
    }
  }
  const counter = (name: string, options: MetricOptions & Calculated, isGroup: boolean): HostCounter & CounterGroup => {
    const { label, ...described } = describe(name, options, isGroup, registry)
    const add = (key: string | undefined, value: number): void =>
      key === undefined ? made.inc(value) : made.inc({ [label]: key }, value)
    const made: Counter = new Counter({ ...described, ...collectorOf(options, add) })
    return {
      increment: (values: number | Values = 1) => {
        if (typeof values === 'number') add(undefined, values)
        else for (const [key, value] of amounts(values)) add(key, value)
      },
      reset: () => made.reset()
    }
  }
  const histogram = (name: string, options: HistogramOptions & Calculated, isGroup: boolean) => {
    const { label, ...described } = describe(name, options, isGroup, registry)
    const made: Histogram = new Histogram({
      ...described,
      ...(options.buckets === undefined ? {} : { buckets: options.buckets }),
      ...collectorOf(options, (key, value) =>
        key === undefined ? made.observe(value) : made.observe({ [label]: key }, value)
      )
    })
    return observer(made, label)
  }
  const summary = (name: string, options: SummaryOptions & Calculated, isGroup: boolean) => {
    const { label, ...described } = describe(name, options, isGroup, registry)
    const { percentiles, maxAgeSeconds, ageBuckets, pruneAgedBuckets, compressCount } = options
    const made: Summary = new Summary({
      ...described,
      ...(percentiles === undefined ? {} : { percentiles }),
      ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
      ...(ageBuckets === undefined ? {} : { ageBuckets }),
      ...(pruneAgedBuckets === undefined ? {} : { pruneAgedBuckets }),
      ...(compressCount === undefined ? {} : { compressCount }),
      ...collectorOf(options, (key, value) =>
        key === undefined ? made.observe(value) : made.observe({ [label]: key }, value)
      )
    })
    return observer(made, label)
  }
  return () => ({
    trackMultiaddrConnection: () => {},
    trackProtocolStream: () => {},
    registerMetric: once(gauge, false),
    registerMetricGroup: once(gauge, true),
    registerCounter: once(counter, false),
    registerCounterGroup: once(counter, true),
    registerHistogram: once(histogram, false),
    registerHistogramGroup: once(histogram, true),
    registerSummary: once(summary, false),
    registerSummaryGroup: once(summary, true),
    traceFunction: (_name: string, traced: never) => traced,
    createTrace: () => {}
  })
}
