import { connect } from 'node:net'
import { once } from 'node:events'
import { quantile } from '../quantile.ts'

const sizeBytes = 64
const [host = '', port, seconds] = process.argv.slice(2)
const message = Buffer.alloc(sizeBytes, 7)
const times: number[] = []

// One request at a time on one connection: the next leaves when the answer is whole.
const socket = connect({ host, port: Number(port), noDelay: true })
await once(socket, 'connect')
const deadline = performance.now() + 1_000 * Number(seconds)
let began = performance.now()
let got = 0
await new Promise<void>((resolve, reject) => {
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('the connection closed before the end')))
  socket.on('data', (chunk) => {
    got += chunk.length
    if (got < sizeBytes) return
    got -= sizeBytes
    const now = performance.now()
    times.push(now - began)
    if (now > deadline) return resolve()
    began = now
    socket.write(message)
  })
  socket.write(message)
})
socket.destroy()
const sorted = Float64Array.from(times).toSorted()
process.stdout.write(
  JSON.stringify({ requests: times.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) })
)
