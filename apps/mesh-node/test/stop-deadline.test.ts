import { expect, it } from 'vitest'
import { stopDeadlineMs } from '../src/stop-deadline.ts'

it('a node may take its drain timeout and ten seconds to stop', () => {
  expect(stopDeadlineMs([{ key: 'drain_timeout', value: '60000', source: 'file' }])).toBe(70_000)
  expect(stopDeadlineMs([{ key: 'listen', value: '[]', source: 'default' }])).toBe(20_000)
  expect(stopDeadlineMs()).toBe(20_000)
})
