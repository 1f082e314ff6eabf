import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const kibibytes = (pid: number, field: string): number => {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(match[1])
}

/** Resident memory of a process in bytes. */
export const rssBytes = (pid: number): number => kibibytes(pid, 'VmRSS') * 1024

/** Most resident memory that a process ever had, in bytes; kept by the kernel, so that no peak is missed. */
export const peakRssBytes = (pid: number): number => kibibytes(pid, 'VmHWM') * 1024

/** One internet socket of a process. */
export interface InternetSocket {
  protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6'
  isListening: boolean
  local: { address: string; port: number }
  remote: { address: string; port: number }
}

/** `0100007F` is 127.0.0.1: the kernel prints 32-bit words in the order of the host. */
const parseAddress = (hex: string): string => {
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)))
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16)
  )
  return groups.join(':')
}

const parseEndpoint = (text: string): { address: string; port: number } => {
  const [address = '', port = ''] = text.split(':')
  return { address: parseAddress(address), port: Number.parseInt(port, 16) }
}

const socketInodes = (pid: number): Set<string> => {
  const inodes = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      if (inode !== undefined) inodes.add(inode)
    } catch {
      // Closed between the listing and the look.
    }
  }
  return inodes
}

/** Every TCP and UDP socket that a process holds right now. */
export const internetSockets = (pid: number): InternetSocket[] => {
  const mine = socketInodes(pid)
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((protocol) =>
    readFileSync(`/proc/${pid}/net/${protocol}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .flatMap((row): InternetSocket[] => {
        const [, local = '', remote = '', state = '', , , , , , inode = ''] = row.trim().split(/\s+/)
        if (!mine.has(inode)) return []
        return [{ protocol, isListening: state === '0A', local: parseEndpoint(local), remote: parseEndpoint(remote) }]
      })
  )
}

/** Open file descriptors of a process. */
export const openDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
