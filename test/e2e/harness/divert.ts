/**
 * To be loaded before a program (`node --import`): its connections to ports that the file `MESH_DIVERT` names go through
 * the port beside them. The file holds one JSON object, and is read anew for every connection.
 */
import { readFileSync } from 'node:fs'
import net from 'node:net'

const file = process.env['MESH_DIVERT'] ?? ''

const divertedTo = (port: unknown): number | undefined => {
  const ports: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return Object.entries(ports ?? {}).find(([from]) => Number(from) === Number(port))?.[1]
}

// oxlint-disable-next-line typescript/unbound-method -- it is called on the socket that it was called on
const { connect } = net.Socket.prototype

/** `connect(port, host)`, `connect({port, host})`, and the form in which `net.connect` hands both on. */
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  const [first] = args
  const options: unknown = Array.isArray(first) ? first[0] : first
  if (typeof options === 'object' && options !== null && 'port' in options) {
    const port = divertedTo(options.port)
    if (port !== undefined) Object.assign(options, { port })
  }
  return Reflect.apply(connect, this, args)
}
