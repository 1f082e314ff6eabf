import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { metricDefinitions, type LabelsOf, type MetricName, type NameFrom } from './catalogue.ts'
import { toOpenMetrics } from './open-metrics.ts'

/** One line of a metric: the values of its labels, and the number. */
export interface Sample<Name extends MetricName> {
  labels: LabelsOf<Name>
  value: number
}

type ReadName = NameFrom<'read', 'gauge' | 'counter'>

type Reading = () => Array<{ labels: Record<string, string>; value: number }>

/** Where each metric that is read at a scrape comes from: one for every one, or it does not compile. */
export type Readings = { [Name in ReadName]: () => Array<Sample<Name>> }

/** The body of an answer to `GET /metrics`. */
export interface Exposition {
  contentType: string
  text: string
}

/** From a cached lookup to the longest dial, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]

const asksForOpenMetrics = (accept: string): boolean => accept.includes('application/openmetrics-text')

/** The metrics of one node, by the catalogue: nothing else can be counted here. */
export class Meter {
  /** Holds the libp2p host's own as well. */
  readonly registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #histograms = new Map<string, Histogram>()
  readonly #readings = new Map<string, Reading>()

  constructor() {
    for (const { name, type, from, help, labels } of metricDefinitions()) {
      const options = { name, help, labelNames: [...labels], registers: [this.registry] }
      const read: Reading = () => this.#readings.get(name)?.() ?? []
      if (type === 'histogram') this.#histograms.set(name, new Histogram({ ...options, buckets }))
      else if (type === 'gauge') {
        const gauge = new Gauge({
          ...options,
          collect: () => {
            const samples = read()
            gauge.reset()
            // Reset puts a 0 where there are no labels, but what is not known is not 0.
            if (samples.length === 0 && labels.length === 0) gauge.remove()
            for (const sample of samples) gauge.set(sample.labels, sample.value)
          }
        })
      } else {
        const counter = new Counter({
          ...options,
          ...(from === 'counted'
            ? {}
            : {
                collect: () => {
                  counter.reset()
                  for (const sample of read()) counter.inc(sample.labels, sample.value)
                }
              })
        })
        this.#counters.set(name, counter)
      }
    }
  }

  /** Tells where what is read comes from; those that are left out are exposed without a value. */
  read(readings: Readings): void {
    for (const [name, reading] of Object.entries<Reading>(readings)) this.#readings.set(name, reading)
  }

  count<Name extends NameFrom<'counted', 'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(labels, by)
  }

  observe<Name extends NameFrom<'counted', 'histogram'>>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    this.#histograms.get(name)?.observe(labels, seconds)
  }

  /**
   * Everything in the text format of Prometheus, or in that of OpenMetrics for whoever accepts it.
   * @param others - registries of what is not of this node alone, such as the process
   */
  async expose(accept: string, others: Registry[]): Promise<Exposition> {
    const texts = await Promise.all([this.registry, ...others].map((one) => one.metrics()))
    const text = texts.join('\n')
    return asksForOpenMetrics(accept)
      ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, text: toOpenMetrics(text) }
      : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text }
  }
}
