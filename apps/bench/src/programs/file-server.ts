import { createHash } from 'node:crypto'
import { createServer } from 'node:net'

const [host, port] = process.argv.slice(2)

// Takes bytes to their end and answers with their number and SHA-256.
createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256')
  let bytes = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    bytes += chunk.length
    hash.update(chunk)
  })
  socket.on('end', () => socket.end(`${bytes} ${hash.digest('hex')}`))
}).listen(Number(port), host)
