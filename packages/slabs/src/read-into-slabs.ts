import type { Socket } from 'node:net'
import { SlabReader } from './slab-reader.ts'

/** What a socket keeps to itself of the buffer that it reads into, by the names of its symbols. */
const names = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const

interface Handle {
  useUserBuffer: (buffer: Buffer) => void
}

const hasUserBuffer = (handle: unknown): handle is Handle =>
  typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'useUserBuffer') === 'function'

/**
 * From the next read on, a socket reads into slabs. `net.connect` has the option `onread` for that; here it is set for
 * sockets that exist, accepted ones and those of TLS included.
 * @param onRead - something was read, and is to be taken at once or later; returns false to stop reading until `resume()`
 * @returns false where this Node keeps its buffers elsewhere, and the socket reads as it did
 */
export const readIntoSlabs = (socket: Socket, onRead: (reader: SlabReader, bytes: number) => boolean): boolean => {
  const symbols = Object.getOwnPropertySymbols(socket)
  const [buffer, callback, next] = names.map((name) => symbols.find(({ description }) => description === name))
  const handle: unknown = Reflect.get(socket, '_handle')
  if (buffer === undefined || callback === undefined || next === undefined || !hasUserBuffer(handle)) return false
  const reader = new SlabReader()
  const { space } = reader
  Reflect.set(socket, buffer, space)
  Reflect.set(socket, callback, (bytes: number) => {
    reader.keep(bytes)
    return onRead(reader, bytes)
  })
  Reflect.set(socket, next, () => {
    reader.turn()
    return reader.space
  })
  handle.useUserBuffer(space)
  socket.once('close', () => reader.close())
  return true
}
