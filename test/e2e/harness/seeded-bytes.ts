import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'

const chunkBytes = 64 * 1024

function* chunks(seed: number, sizeBytes: number): Generator<Buffer> {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(seed)
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), iv)
  const zeros = Buffer.alloc(chunkBytes)
  for (let left = sizeBytes; left > 0; left -= chunkBytes) {
    yield cipher.update(left >= chunkBytes ? zeros : zeros.subarray(0, left))
  }
}

/** The same bytes for the same seed, however many: no two seeds share a block, so misplaced bytes never match. */
export const seededBytes = (seed: number, sizeBytes: number): Buffer => Buffer.concat([...chunks(seed, sizeBytes)])

/** {@link seededBytes} as a stream, for sizes that should not be held in memory. */
export const seededStream = (seed: number, sizeBytes: number): Readable =>
  Readable.from(chunks(seed, sizeBytes), { objectMode: false })

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** SHA-256 of {@link seededBytes}, without holding them. */
export const seededSha256 = (seed: number, sizeBytes: number): string => {
  const hash = createHash('sha256')
  for (const chunk of chunks(seed, sizeBytes)) hash.update(chunk)
  return hash.digest('hex')
}

/** Reads a stream to its end. */
export const digestOf = async (stream: AsyncIterable<Uint8Array>): Promise<{ sizeBytes: number; sha256: string }> => {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}

/** Writes {@link seededBytes} to a file. */
export const writeSeededFile = async (path: string, seed: number, sizeBytes: number): Promise<void> => {
  const file = createWriteStream(path)
  seededStream(seed, sizeBytes).pipe(file)
  await once(file, 'close')
}
