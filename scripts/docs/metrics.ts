import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { metricDefinitions } from '../../packages/node/dist/metrics/index.js'

/** `docs/reference/metrics.md`, from the catalogue. */
export const renderMetrics = (): string => {
  const rows = metricDefinitions().map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help
  ])
  return [
    '# Metrics',
    '',
    'Written by `npm run docs` from `packages/node/src/metrics/catalogue.ts`; a test compares both with what a running node',
    'exposes.',
    '',
    '`GET /metrics` of the [local API](api.md), and over TCP where `metrics.listen` of the [configuration](config.md) says so,',
    'in the text format of Prometheus or, by `Accept`, of OpenMetrics. [Monitoring](../guides/monitoring.md) shows how to',
    'scrape it.',
    '',
    'Times are seconds, sizes bytes. Labels come from closed sets: `code` is `ok` or one of [errors.md](errors.md), `path` one',
    'of `local`, `direct`, `punched`, `webrtc`, `relayed`, `none` and `unknown`, `direction` is `inbound` or `outbound`. No',
    'label holds a peer id, a name or a capability.',
    '',
    ...markdownTable(['Metric', 'Type', 'Labels', 'Meaning'], rows),
    '',
    'Beside these, a node exposes what its libp2p host counts (`libp2p_…`) and what Node.js tells of the process (`process_…`',
    'and `nodejs_…`, the lag of the event loop included), under the names that those projects give them. The latter begin',
    'with the first scrape.',
    ''
  ].join('\n')
}
