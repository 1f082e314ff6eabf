import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createNetworkWatch } from '../../src/daemon/network-watch.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('tells of other addresses within a second, once, and of nothing after its end', () => {
  let addresses = ['10.0.0.2']
  const onChange = vi.fn()
  const watch = createNetworkWatch(onChange, () => addresses)
  watch.start()
  vi.advanceTimersByTime(10_000)
  expect(onChange).not.toHaveBeenCalled()
  addresses = ['10.1.0.2']
  vi.advanceTimersByTime(1_000)
  expect(onChange.mock.calls).toEqual([[['10.1.0.2']]])
  vi.advanceTimersByTime(10_000)
  expect(onChange).toHaveBeenCalledTimes(1)
  watch.stop()
  addresses = []
  vi.advanceTimersByTime(10_000)
  expect(onChange).toHaveBeenCalledTimes(1)
})
