import { Client, credentials } from '@grpc/grpc-js'
import { quantile } from '../quantile.ts'
import { unary } from '../unary.ts'

/** Calls that are under way at once where their rate is measured. */
const inFlight = 32

const [host = '', port, seconds] = process.argv.slice(2)
const client = new Client(`${host.includes(':') ? `[${host}]` : host}:${port}`, credentials.createInsecure())
const message = Buffer.alloc(64, 7)
const { path, requestSerialize, responseDeserialize } = unary.say

const call = async (): Promise<void> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (err, answer) => {
      if (err !== null) reject(err)
      else if (answer === undefined || !message.equals(answer)) reject(new Error('the answer is another one'))
      else resolve()
    })
  })

await call()

// Half of the time one at a time, then half of it as many as may be.
const ms = 500 * Number(seconds)
const times: number[] = []
for (const until = performance.now() + ms; performance.now() < until;) {
  const began = performance.now()
  await call()
  times.push(performance.now() - began)
}

const began = performance.now()
let calls = 0
const caller = async (): Promise<void> => {
  while (performance.now() < began + ms) {
    await call()
    calls++
  }
}
await Promise.all(Array.from({ length: inFlight }, caller))
const perSecond = (1_000 * calls) / (performance.now() - began)
client.close()
const sorted = Float64Array.from(times).toSorted()
process.stdout.write(JSON.stringify({ p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), perSecond }))
