import { connect } from 'node:net'
import { once } from 'node:events'
import { quantile } from '../quantile.ts'

/** At once; each opens the next as soon as its own is done. */
const clients = 32
const [host = '', port, seconds] = process.argv.slice(2)
const deadline = performance.now() + 1_000 * Number(seconds)
const times: number[] = []
let errors = 0

const openOne = async (): Promise<void> => {
  const began = performance.now()
  const socket = connect({ host, port: Number(port), noDelay: true })
  try {
    socket.write('x')
    await once(socket, 'data')
    socket.end()
    await once(socket, 'close')
    times.push(performance.now() - began)
  } catch {
    errors += 1
  } finally {
    socket.destroy()
  }
}

await Promise.all(
  Array.from({ length: clients }, async () => {
    while (performance.now() < deadline) await openOne()
  })
)
const sorted = Float64Array.from(times).toSorted()
process.stdout.write(JSON.stringify({ tunnels: times.length, errors, p99Ms: quantile(sorted, 0.99) }))
