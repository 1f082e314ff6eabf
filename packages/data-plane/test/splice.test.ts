import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { splice } from '../src/tunnel/splice.ts'

test('what a tunnel brings in one turn leaves as one write, and its end after it', async () => {
  const writes: number[] = []
  const tunnel = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  const local = new Duplex({
    read: () => {},
    write: (_chunk, _encoding, done) => {
      writes.push(1)
      done()
    },
    writev: (chunks, done) => {
      writes.push(chunks.length)
      done()
    }
  })
  const spliced = splice(tunnel, local)
  await new Promise((resolve) => setImmediate(resolve))
  for (let record = 0; record < 4; record++) tunnel.push(Buffer.alloc(16 * 1024))
  tunnel.push(null)
  await once(local, 'finish')
  expect(writes).toEqual([4])
  local.push(null)
  expect(await spliced).toEqual({})
})
