import { beforeAll, expect, test } from 'vitest'
import { readEventStream } from '../e2e/harness/event-stream.ts'
import { createMesh } from '../e2e/harness/mesh.ts'
import { startHttpOrigin } from '../e2e/harness/origins/http-origin.ts'

let forwarded = ''

beforeAll(async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  const origin = await startHttpOrigin('alice-events')
  await alice.serve(`events=${origin.url}`)
  forwarded = `http://127.0.0.1:${(await bob.forward('alice/events')).port}`
})

test('an event stream stays open for 60 s, silences of 10 s included', async () => {
  const [busy, quiet] = await Promise.all([
    readEventStream(`${forwarded}/events?count=240&interval=250`),
    readEventStream(`${forwarded}/events?count=6&interval=10000`)
  ])
  expect(busy).toMatchObject({ origin: 'alice-events', ids: Array.from({ length: 240 }, (_, i) => i + 1) })
  expect(quiet).toMatchObject({ origin: 'alice-events', ids: [1, 2, 3, 4, 5, 6] })
  expect(Math.min(busy.elapsedMs, quiet.elapsedMs)).toBeGreaterThan(58_000)
})
