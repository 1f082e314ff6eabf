import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createRepublisher } from '../../src/discovery/republisher.ts'
import type { Publication } from '../../src/discovery/publisher.ts'
import type { SelfDescription } from '../../src/discovery/interface.ts'

const saying = (capability: string): SelfDescription => ({ addresses: [], services: [], capabilities: [capability] })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('does not store the former description again while another one is being published', async () => {
  const stored: Publication = { storedBy: 1, untilMs: 0, sequence: 1, keys: 1, missingKeys: 0 }
  const listeners: Array<() => void> = []
  const order: string[] = []
  const slow = Promise.withResolvers<void>()
  const store = async ({ capabilities }: SelfDescription): Promise<Publication> => {
    const what = capabilities.join(',')
    order.push(what)
    if (what === 'new') await slow.promise
    return stored
  }
  const table = {
    size: 1,
    add: async () => undefined,
    remove: async () => undefined,
    addEventListener: (_: string, listener: () => void) => void listeners.push(listener),
    removeEventListener: () => {}
  }
  const publisher = { publish: store, refresh: store, withdraw: async () => stored }
  const republisher = createRepublisher({ publisher, table, random: () => 0.5, settleMs: 500 })
  republisher.start()
  await republisher.publish(saying('old'))
  table.size = 4
  for (const tell of listeners) tell()
  const publishing = republisher.publish(saying('new'))
  for (const tell of listeners) tell()
  await vi.advanceTimersByTimeAsync(1_000)
  slow.resolve()
  await publishing
  await vi.advanceTimersByTimeAsync(1_000)
  expect(order).toEqual(['old', 'new'])
  republisher.stop()
})
