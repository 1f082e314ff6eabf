import { cpuMetric, summarise, type Comparison } from './summary.ts'

/**
 * What TLS costs on one path, by the two bare hosts of the same run: the part of each rate that is lost, and what it adds
 * to the processor time. No lines where one of the two took no part. Pure.
 */
export const encryptionLines = (comparison: Comparison): string[] => {
  const { rows } = summarise(comparison)
  const of = (name: string): Record<string, number> | undefined =>
    rows.find(({ contender }) => contender === name)?.medians
  const [tls, plain] = [of('libp2p-tls'), of('libp2p-plaintext')]
  if (tls === undefined || plain === undefined) return []
  const parts = Object.entries(comparison.metrics)
    .filter(([, { unit }]) => unit === 'bit/s')
    .map(([name]) => `${(100 * (1 - (tls[name] ?? Number.NaN) / (plain[name] ?? Number.NaN))).toFixed(0)} % ${name}`)
  if (parts.length === 0) return []
  const added = (tls[cpuMetric] ?? Number.NaN) - (plain[cpuMetric] ?? Number.NaN)
  const cpu = Number.isNaN(added) ? '' : `, and ${added.toFixed(2)} s of processor time per GiB`
  return [`  encryption takes ${parts.join(', ')} of the rate of two bare libp2p hosts${cpu}`]
}
