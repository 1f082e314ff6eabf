import { afterEach, expect, test, vi } from 'vitest'
import type { NetcheckResponse } from '@agent-mesh/wire/api'
import { whyNoLab, type Nat } from '@agent-mesh/testkit/lab'
import { Scene } from '../lab/harness/scene.ts'

const reason = whyNoLab()
const named = (name: string): string => (reason === undefined ? name : `${name} [${reason}]`)

let scene: Scene | undefined
afterEach(async () => scene?.end())

type Judged = Pick<NetcheckResponse, 'mapping' | 'filtering' | 'kind'>

/** Each of them behind a router made of the kernel's own parts. */
const cells: Array<[Nat, Judged]> = [
  ['none', { mapping: 'none', filtering: 'endpoint-independent', kind: 'open' }],
  ['full-cone', { mapping: 'endpoint-independent', filtering: 'endpoint-independent', kind: 'full cone' }],
  ['address-restricted', { mapping: 'endpoint-independent', filtering: 'address-dependent', kind: 'restricted cone' }],
  [
    'port-restricted',
    { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', kind: 'port-restricted cone' }
  ],
  ['symmetric', { mapping: 'address-dependent', filtering: 'address-and-port-dependent', kind: 'symmetric' }]
]

test.skipIf(reason !== undefined)(
  named('netcheck behind each NAT names it by what two public members see and what they send'),
  async () => {
    scene = new Scene(true)
    const { lab, network } = scene
    const one = await network.up('one', lab.addHost('one', '5.5.5.10'))
    const first = await network.up('first', lab.addHost('first', '5.5.5.9', 'full-cone'), { bootstrap: [one] })
    await vi.waitFor(async () => expect(await first.path(one)).toBe('direct'), { timeout: 30_000, interval: 500 })
    // One member alone can tell neither.
    const alone = await first.client.netcheck()
    expect(alone).toMatchObject({ udp: 'works', mapping: 'unknown', filtering: 'unknown', kind: 'unknown' })
    expect(alone.filteringReason).toContain('two hosts')
    const two = await network.up('two', lab.addHost('two', '5.5.5.20'), { bootstrap: [one] })
    for (const [place, [nat, judged]] of cells.entries()) {
      const address = `5.5.5.${place + 1}`
      const agent = await network.up(nat, lab.addHost(nat, address, nat), { bootstrap: [one, two] })
      await vi.waitFor(
        async () => {
          const found = await agent.client.netcheck()
          const { mapping, filtering, kind, servers, elapsedMs } = found
          const seen = servers.filter(({ mapped }) => mapped !== undefined)
          console.log(
            `${nat}: ${mapping} mapping, ${filtering} filtering (${found.filteringReason ?? kind}), ${elapsedMs} ms; ` +
              seen.map((server) => `${server.name} ${server.mapped}`).join(', ')
          )
          expect(found).toMatchObject({ udp: 'works', ...judged })
          expect(new Set(seen.map(({ mapped }) => mapped?.split(':')[0]))).toEqual(new Set([address]))
        },
        { timeout: 60_000, interval: 1_000 }
      )
    }
  },
  600_000
)
