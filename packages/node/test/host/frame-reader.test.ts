import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { FrameReader } from '../../src/host/frame-reader.ts'

const encode = (type: number, flag: number, streamID: number, length: number, data = Buffer.alloc(0)): Buffer => {
  const header = Buffer.alloc(12)
  header[1] = type
  header.writeUInt16BE(flag, 2)
  header.writeUInt32BE(streamID, 4)
  header.writeUInt32BE(length, 8)
  return Buffer.concat([header, data])
}

it('brings the same data of the same streams in the same order, however the bytes are cut', () => {
  const frame = fc.record({
    isData: fc.boolean(),
    flag: fc.constantFrom(0, 0, 1, 2, 4),
    streamID: fc.integer({ min: 1, max: 4 }),
    size: fc.integer({ min: 0, max: 300 })
  })
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 90 })), (frames, cuts) => {
      const wire = Buffer.concat(
        frames.map(({ isData, flag, streamID, size }, i) =>
          isData
            ? encode(0, flag, streamID, size, Buffer.alloc(size, i + 1))
            : encode(1, flag, streamID, 2 ** 31 + size)
        )
      )
      const reader = new FrameReader()
      const seen: string[] = []
      for (let at = 0, i = 0; at < wire.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 1000)
        for (const { header, data } of reader.emitFrames(wire.subarray(at, end))) {
          const { type, flag, streamID, length } = header
          if (data !== undefined) expect(data.byteLength).toBe(length)
          if (data === undefined || flag !== 0) seen.push(`${type} ${flag} ${streamID} ${length}`)
          if (data !== undefined) for (const byte of data.subarray()) seen.push(`${streamID} byte ${byte}`)
        }
        at = end
      }
      const expected = frames.flatMap(({ isData, flag, streamID, size }, i) => [
        ...(isData && flag === 0 ? [] : [`${isData ? 0 : 1} ${flag} ${streamID} ${isData ? size : 2 ** 31 + size}`]),
        ...(isData ? Array.from({ length: size }, () => `${streamID} byte ${i + 1}`) : [])
      ])
      expect(seen).toEqual(expected)
    })
  )
})

it('refuses another version', () => {
  const bytes = encode(0, 0, 1, 0)
  bytes[0] = 1
  expect(() => new FrameReader().emitFrames(bytes)).toThrow('Invalid frame version')
})
