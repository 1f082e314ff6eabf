import { beforeAll, expect, test, vi } from 'vitest'
import { readEventStream } from './harness/event-stream.ts'
import { createMesh } from './harness/mesh.ts'
import { startHttpOrigin, type HttpOrigin } from './harness/origins/http-origin.ts'

let origin: HttpOrigin
let forwarded = ''

beforeAll(async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  origin = await startHttpOrigin('alice-events')
  await alice.serve(`events=${origin.url}`)
  forwarded = `http://127.0.0.1:${(await bob.forward('alice/events')).port}`
})

test('events arrive one by one while the stream stays open', async () => {
  const seen = await readEventStream(`${forwarded}/events?count=12&interval=250`)
  expect(seen.origin).toBe('alice-events')
  expect(seen.ids).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
  // Had they been held back until the end, all of it would have taken no time after the headers.
  expect(seen.elapsedMs).toBeGreaterThan(2_500)
})

test('a client that leaves is gone for the server too', async () => {
  const leave = new AbortController()
  const reading = readEventStream(`${forwarded}/events?count=1000&interval=100`, leave.signal)
  const ended = expect(reading).rejects.toThrow(/abort/i)
  await vi.waitFor(() => expect(origin.openEventStreams).toBe(1), { timeout: 5_000 })
  leave.abort()
  await ended
  await vi.waitFor(() => expect(origin.openEventStreams).toBe(0), { timeout: 1_000 })
})
