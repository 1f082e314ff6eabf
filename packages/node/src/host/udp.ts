import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { Datagrams, Endpoint } from '@agent-mesh/control-plane'

/** One UDP socket that is bound. */
export interface UdpSocket extends Datagrams {
  readonly local: Endpoint
  close: () => Promise<void>
}

/**
 * Binds a UDP socket. What cannot be sent is lost, as any datagram may be.
 * @throws Error of the system with its code, such as EADDRINUSE
 */
export const openUdp = async ({ host, port }: Endpoint): Promise<UdpSocket> => {
  const isV6 = isIP(host) === 6
  const socket: Socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 })
  const bound = once(socket, 'listening')
  socket.bind({ address: host, port, exclusive: true })
  try {
    await bound
  } catch (err) {
    socket.close() // a socket that could not be bound holds a descriptor all the same
    throw err
  }
  socket.on('error', () => {}) // a peer that is gone shows as an error of the next send
  const { address, port: chosen } = socket.address()
  return {
    local: { host: address, port: chosen },
    send: (bytes, to) => {
      try {
        socket.send(bytes, to.port, to.host, () => {})
      } catch {
        // Thrown for port 0, which a stranger's datagram may come from, and for a socket that is closed: lost as well.
      }
    },
    onDatagram: (listener) => {
      const onMessage = (bytes: Uint8Array, { address: from, port: fromPort }: { address: string; port: number }) =>
        listener(bytes, { host: from, port: fromPort })
      socket.on('message', onMessage)
      return () => void socket.off('message', onMessage)
    },
    close: async () => {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
  }
}
