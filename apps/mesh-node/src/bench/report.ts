import { formatMs, table } from '../text.ts'
import type { Cost, Figures, Ratios } from './run.ts'

/** What `mesh-node bench <peer>` prints under `--json`. */
export interface BenchDocument {
  peerId: string
  name?: string
  path?: string
  seconds: number
  mesh: Figures
  plain?: Figures
  ratios?: Ratios
  /** Why plain TCP was not measured. */
  noPlain?: string
}

const formatRate = (bitsPerSecond: number): string =>
  bitsPerSecond >= 1e9 ? `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s` : `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`

const times = (ratio: number | undefined): string => (ratio === undefined ? '-' : `×${ratio.toFixed(2)}`)

const added = (ms: number | undefined): string => (ms === undefined ? '-' : `${ms < 0 ? '' : '+'}${formatMs(ms)}`)

const perSecond = (rate: number): string => `${rate.toFixed(0)}/s`

type Show = (figures: Figures) => string | undefined

const streamRow = (title: string, show: Show, { mesh, plain }: BenchDocument, ratio: string): string[][] => {
  const own = show(mesh)
  return own === undefined ? [] : [[title, own, plain === undefined ? '-' : (show(plain) ?? '-'), ratio]]
}

const cost = (title: string, cpu: Cost | undefined): string[] => {
  const parts = [
    ...(cpu?.here === undefined ? [] : [`${cpu.here.toFixed(1)} s here`]),
    ...(cpu?.there === undefined ? [] : [`${cpu.there.toFixed(1)} s there`])
  ]
  return parts.length === 0 ? [] : [`Processor time per GiB ${title}: ${parts.join(', ')}.`]
}

/** Lines for people. */
export const benchLines = (document: BenchDocument): string[] => {
  const { mesh, ratios, name, peerId, path, seconds, noPlain } = document
  const row = (title: string, show: Show, ratio: string): string[][] => streamRow(title, show, document, ratio)
  return [
    `${name ?? peerId}${path === undefined ? '' : `, ${path} path`}, ${seconds} s for each`,
    ...table(
      ['', 'MESH', 'PLAIN TCP', 'RATIO'],
      [
        ...row('stream, here to there', ({ up }) => up && formatRate(up.bitsPerSecond), times(ratios?.up)),
        ...row('stream, there to here', ({ down }) => down && formatRate(down.bitsPerSecond), times(ratios?.down)),
        ...row('request of 64 bytes, p50', ({ requests }) => formatMs(requests.p50Ms), added(ratios?.addedP50Ms)),
        ...row('request of 64 bytes, p99', ({ requests }) => formatMs(requests.p99Ms), added(ratios?.addedP99Ms)),
        ...row('short connections', ({ openings }) => perSecond(openings.perSecond), times(ratios?.openings))
      ]
    ),
    ...cost('from here to there', mesh.up?.cpuSecondsPerGiB),
    ...cost('from there to here', mesh.down?.cpuSecondsPerGiB),
    ...(noPlain === undefined ? [] : [`no plain connection: ${noPlain}`])
  ]
}
