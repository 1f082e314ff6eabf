import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

const chunkBytes = 1 << 20
const [host = '', port, size] = process.argv.slice(2)
const chunks = Number(size) / chunkBytes

// Each chunk is the one before it with its number written over the start: all differ, and making them costs nothing.
const chunk = randomBytes(chunkBytes)
const hash = createHash('sha256')
const socket = connect({ host, port: Number(port), allowHalfOpen: true })
await once(socket, 'connect')
const answer = text(socket)
const began = performance.now()
for (let i = 0; i < chunks; i++) {
  const one = Buffer.from(chunk)
  one.writeUInt32BE(i)
  hash.update(one)
  if (!socket.write(one)) await once(socket, 'drain')
}
socket.end()
const said = await answer
const tookMs = performance.now() - began
const isWhole = said === `${chunks * chunkBytes} ${hash.digest('hex')}`
process.stdout.write(JSON.stringify({ isWhole, said, tookMs }))
