import { createServer } from 'node:net'

const [host, port] = process.argv.slice(2)

// What comes goes back.
createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
}).listen(Number(port), host, 8_192)
