import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { PeerDocument, PeerHealthDocument } from '@agent-mesh/wire/api'
import { examplePeerId as peerId, exampleStatus } from '@agent-mesh/testkit/example-node'
import { memberRows, type Snapshot } from '../src/top/rows.ts'
import { renderTop } from '../src/top/view.ts'

const member = (name: string, more: Partial<PeerDocument> = {}): PeerDocument => ({
  peerId: `${peerId}-${name}`,
  name,
  groups: [],
  state: 'connected',
  addresses: [],
  sinceMs: 0,
  tunnels: 0,
  ...more
})

const snapshot = (atMs: number, peers: PeerDocument[]): Snapshot => ({ atMs, status: exampleStatus, peers })

const dead: PeerHealthDocument = {
  state: 'dead',
  sinceMs: 1_000,
  reason: 'no answer to three of us',
  isAsymmetric: false
}

describe('top', () => {
  it('counts bytes per second between two looks, and says nothing of what it saw once', () => {
    const before = snapshot(1_000, [member('bob', { bytesIn: 100, bytesOut: 0 })])
    const now = snapshot(3_000, [member('bob', { bytesIn: 4_100, bytesOut: 0 }), member('carol', { bytesIn: 5 })])
    expect(memberRows(now, before, 'traffic')).toMatchObject([
      { name: 'bob', inPerSecond: 2_000, outPerSecond: 0 },
      { name: 'carol' }
    ])
    expect(memberRows(now, before, 'traffic')[1]).not.toHaveProperty('inPerSecond')
  })

  it('never counts backwards when a node was started again', () => {
    const before = snapshot(1_000, [member('bob', { bytesIn: 9_000 })])
    expect(memberRows(snapshot(2_000, [member('bob', { bytesIn: 10 })]), before, 'state')[0]?.inPerSecond).toBe(0)
  })

  it('sorts by each column, the most first, and those of whom nothing is known last', () => {
    const peers = [
      member('ann', { rttMs: 5, tunnels: 1 }),
      member('bob', { rttMs: 50, health: dead }),
      member('cid', { tunnels: 7, health: { state: 'alive', sinceMs: 0, reason: '', isAsymmetric: false, loss: 0.5 } })
    ]
    const names = (sort: Parameters<typeof memberRows>[2]): string =>
      memberRows(snapshot(0, peers), undefined, sort)
        .map(({ name }) => name)
        .join(' ')
    expect(names('state')).toBe('bob ann cid')
    expect(names('name')).toBe('ann bob cid')
    expect(names('rtt')).toBe('bob ann cid')
    expect(names('loss')).toBe('cid ann bob')
    expect(names('tunnels')).toBe('cid ann bob')
  })

  it('fits its window, whatever that is, and says what was left out', () => {
    const peers = Array.from({ length: 50 }, (_, n) =>
      member(`m${n}`, { health: { ...dead, reason: 'x'.repeat(500) } })
    )
    for (const [columns, lines] of [
      [80, 24],
      [20, 6],
      [1, 1]
    ] as const) {
      const shown = renderTop(snapshot(9_000, peers), undefined, { sort: 'state', columns, lines, isColoured: true })
      for (const line of shown) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns)
      if (lines === 24) {
        expect(shown.length).toBeLessThanOrEqual(lines - 1)
        expect(shown.at(-1)).toMatch(/^… and \d+ more$/)
      }
    }
  })

  it('shows state with since when and why, and colours nothing but its own text', () => {
    const peers = [member('bob\u001B[31m', { health: { ...dead, reason: 'a\u202Eb\n' } })]
    const plain = renderTop(snapshot(61_000, peers), undefined, { sort: 'state', isColoured: false }).join('\n')
    expect(plain).toMatch(/bob\\u\{1b\}\[31m +dead +1 m +- .* a\\u\{202e\}b\\u\{a\}$/m)
    expect(plain).not.toContain('\u001B')
    const coloured = renderTop(snapshot(61_000, peers), undefined, { sort: 'state', isColoured: true }).join('\n')
    expect(stripVTControlCharacters(coloured)).toBe(plain)
  })
})
