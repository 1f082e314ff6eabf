/**
 * A home router for a network namespace: it answers NAT-PMP on its inner address, and passes on what reaches the ports it
 * gave. Arguments: inner address, outer address. It prints a line for each port.
 */
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

const [inner = '', outer = ''] = process.argv.slice(2)
const socket = createSocket('udp4')

const passOn = (from: string, internalPort: number, externalPort: number): void => {
  const server = createServer((near) => {
    const far = connect(internalPort, from)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  server.on('error', () => {})
  server.listen(externalPort, outer, () => console.log(`${externalPort} ${from}:${internalPort}`))
}

socket.on('message', (bytes, { address, port }) => {
  const isMapping = bytes[1] === 2
  const answer = Buffer.alloc(isMapping ? 16 : 12)
  answer[1] = (bytes[1] ?? 0) + 128
  if (isMapping) {
    bytes.copy(answer, 8, 4, 12)
    if (bytes.readUInt32BE(8) > 0) passOn(address, bytes.readUInt16BE(4), bytes.readUInt16BE(6))
  } else answer.set(outer.split('.').map(Number), 8)
  socket.send(answer, port, address)
})
socket.bind(5351, inner, () => console.log('ready'))
