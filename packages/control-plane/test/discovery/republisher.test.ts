import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { createRepublisher, type Republisher } from '../../src/discovery/republisher.ts'
import type { Publication } from '../../src/discovery/publisher.ts'
import type { SelfDescription } from '../../src/discovery/interface.ts'

const description: SelfDescription = { addresses: [], services: [], capabilities: ['math'] }
const stored: Publication = { storedBy: 20, untilMs: 0, sequence: 1, keys: 2, missingKeys: 0 }

interface Rig {
  republisher: Republisher
  rounds: string[]
  events: string[]
  neighbour: () => void
}

const start = (outcome: (round: number) => Publication | MeshError, size = 4): Rig => {
  const rounds: string[] = []
  const events: string[] = []
  const listeners = new Set<() => void>()
  const run = (kind: string) => async (): Promise<Publication> => {
    rounds.push(kind)
    const result = outcome(rounds.length)
    if (result instanceof MeshError) throw result
    return result
  }
  const table = {
    size,
    add: async () => undefined,
    remove: async () => undefined,
    addEventListener: (_: string, listener: () => void) => void listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => void listeners.delete(listener)
  }
  const republisher = createRepublisher({
    publisher: { publish: run('publish'), refresh: run('refresh'), withdraw: run('withdraw') },
    table,
    random: () => 0.5,
    intervalMs: 200_000,
    onPublished: ({ storedBy }) => events.push(`stored by ${storedBy}`),
    onPublishFailed: ({ code }) => events.push(code)
  })
  republisher.start()
  const neighbour = (): void => {
    table.size++
    for (const listener of listeners) listener()
  }
  return { republisher, rounds, events, neighbour }
}

const nobody = new MeshError('NOT_PUBLISHED')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a publication', () => {
  it('is refreshed at every third of its life, until the node stops', async () => {
    const { republisher, rounds } = start(() => stored)
    await republisher.publish(description)
    await vi.advanceTimersByTimeAsync(200_000)
    expect(rounds).toEqual(['publish', 'refresh'])
    await vi.advanceTimersByTimeAsync(400_000)
    expect(rounds).toHaveLength(4)
    republisher.stop()
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(rounds).toHaveLength(4)
  })

  it('that nobody stored is made good when the first neighbour comes', async () => {
    const { republisher, rounds, events, neighbour } = start((round) => (round === 1 ? nobody : stored), 0)
    await expect(republisher.publish(description)).rejects.toMatchObject({ code: 'NOT_PUBLISHED' })
    neighbour()
    neighbour()
    await vi.advanceTimersByTimeAsync(600)
    expect([rounds, events]).toEqual([
      ['publish', 'publish'],
      ['NOT_PUBLISHED', 'stored by 20']
    ])
  })

  it('that nobody stored is tried again ever more slowly', async () => {
    const { republisher, rounds } = start(() => nobody, 0)
    await republisher.publish(description).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(2_000 + 4_000 + 8_000 + 16_000)
    expect(rounds).toHaveLength(5)
    await vi.advanceTimersByTimeAsync(31_000)
    expect(rounds).toHaveLength(5)
  })

  it('is announced to all again when the mesh has doubled, not when it has grown by one', async () => {
    const { republisher, rounds, neighbour } = start(() => ({ ...stored, storedBy: 3 }), 3)
    await republisher.publish(description)
    neighbour()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(rounds).toEqual(['publish'])
    neighbour()
    neighbour()
    await vi.advanceTimersByTimeAsync(3_400)
    expect(rounds).toEqual(['publish', 'publish'])
  })

  it('with keys that nobody was told is completed soon', async () => {
    const { republisher, rounds } = start((round) => ({ ...stored, missingKeys: round === 1 ? 1 : 0 }))
    await republisher.publish(description)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(rounds).toEqual(['publish', 'refresh'])
    await vi.advanceTimersByTimeAsync(100_000)
    expect(rounds).toHaveLength(2)
  })

  it('that is wrong is not tried again, and the one before it goes on', async () => {
    const { republisher, rounds } = start((round) => (round === 2 ? new MeshError('LIMIT_EXCEEDED') : stored))
    await republisher.publish(description)
    await expect(republisher.publish(description)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await vi.advanceTimersByTimeAsync(200_000)
    expect(rounds).toEqual(['publish', 'publish', 'refresh'])
  })

  it('ends with its withdrawal', async () => {
    const { republisher, rounds, neighbour } = start(() => stored)
    await republisher.publish(description)
    await republisher.withdraw()
    neighbour()
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(rounds).toEqual(['publish', 'withdraw'])
  })
})
