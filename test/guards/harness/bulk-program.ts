/**
 * Both ends of bulk, as a program of its own: who asks it for nothing waits for nobody. A source that sends for ever, and
 * sinks that read from the ports whose numbers come as messages; it answers with how many bytes each has read so far.
 */
import { connect, createServer } from 'node:net'

const block = Buffer.alloc(64 * 1_024, 'x')
const counts: number[] = []

const source = createServer((socket) => {
  socket.on('error', () => {})
  const fill = (): void => {
    while (socket.writable && socket.write(block)) {
      /* until the socket is full */
    }
  }
  socket.once('data', fill)
  socket.on('drain', fill)
})

const sink = (port: number): void => {
  const at = counts.push(0) - 1
  const socket = connect(port, '127.0.0.1', () => socket.write('go'))
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    counts[at] = (counts[at] ?? 0) + chunk.length
  })
}

process.on('message', (ports: number[]) => {
  for (const port of ports) sink(port)
  process.send?.(counts)
})
process.on('disconnect', () => process.exit(0))
source.listen(0, '127.0.0.1', () => {
  const address = source.address()
  if (address !== null && typeof address === 'object') process.send?.([address.port])
})
