import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { metricDefinitions } from '../../packages/node/dist/metrics/index.js'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

const known = new Map(
  metricDefinitions().flatMap(({ name, type, labels }) => {
    const names = type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]
    return names.map((one) => [one, new Set([...labels, 'instance', ...(type === 'histogram' ? ['le'] : [])])] as const)
  })
)

/** Metrics of ours in a query, each with the labels that it is narrowed by. */
const metricsIn = (text: string): Array<{ name: string; labels: string[] }> =>
  [...text.matchAll(/\b(mesh_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    labels: [...selector.matchAll(/(\w+)\s*(?:=~|!=|=)/g)].map(([, label = '']) => label)
  }))

describe.each(['docs/dashboards/agent-mesh.json', 'docs/guides/monitoring.md'])('%s', (path) => {
  it('asks for metrics and labels that a node has', async () => {
    const text = (await read(path)).replaceAll('\\"', '"')
    const found = metricsIn(text).filter(({ name }) => name !== 'mesh_yaml')
    expect(found.length).toBeGreaterThan(5)
    for (const { name, labels } of found) {
      expect(known.has(name), name).toBe(true)
      for (const label of labels) expect(known.get(name)?.has(label), `${name}{${label}}`).toBe(true)
    }
  })
})

describe('the dashboard', () => {
  it('is one that Grafana reads: panels with queries, each with an id of its own', async () => {
    const dashboard: unknown = JSON.parse(await read('docs/dashboards/agent-mesh.json'))
    if (typeof dashboard !== 'object' || dashboard === null || !('panels' in dashboard)) throw new Error('no panels')
    const panels = Array.isArray(dashboard.panels) ? dashboard.panels : []
    const ids = panels.map((panel: { id: number }) => panel.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const panel of panels) if (panel.type !== 'row') expect(panel.targets?.length, panel.title).toBeGreaterThan(0)
  })
})
