import { isIPv6, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** `host:port` in one form: IPv6 in brackets, IPv4 mapped into IPv6 as IPv4, lower case. */
export const formatHostPort = (host: string, port: number): string => {
  const plain = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(plain) ? `[${plain}]:${port}` : `${plain}:${port}`
}

/** Brings an address that a program printed into the form of {@link formatHostPort}; anything else stays as it is. */
export const normalizeSocketAddress = (text: string): string => {
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text.trim()) ?? []
  return host === undefined || port === undefined ? text : formatHostPort(host, Number(port))
}

/** Our end of a TCP connection; undefined on a unix socket and for a program. */
export const localAddressOf = (socket: Duplex): string | undefined =>
  !(socket instanceof Socket) || socket.localAddress === undefined || socket.localPort === undefined
    ? undefined
    : formatHostPort(socket.localAddress, socket.localPort)
