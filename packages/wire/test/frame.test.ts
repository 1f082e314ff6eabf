import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeCredit,
  encodeFin,
  encodeHeader,
  encodeReset,
  FrameDecoder,
  frameHeaderBytes,
  frameTypes,
  limits,
  MeshError
} from '@agent-mesh/wire'

type Event = ['data', string] | ['fin'] | ['reset', number] | ['credit', number]

const record = (): { events: Event[]; decoder: FrameDecoder } => {
  const events: Event[] = []
  const decoder = new FrameDecoder({
    data: (payload) => {
      const last = events.at(-1)
      const hex = Buffer.from(payload).toString('hex')
      if (last?.[0] === 'data') last[1] += hex
      else events.push(['data', hex])
    },
    fin: () => events.push(['fin']),
    reset: (code) => events.push(['reset', code]),
    credit: (bytes) => events.push(['credit', bytes])
  })
  return { events, decoder }
}

describe('the tunnel frame', () => {
  it('costs four bytes', () => {
    expect(frameHeaderBytes).toBe(4)
    expect(encodeHeader(frameTypes.data, limits.frameBytes)).toEqual(Uint8Array.of(0, 4, 0, 0))
    expect(encodeFin()).toEqual(Uint8Array.of(1, 0, 0, 0))
    expect(encodeReset(0x01020304)).toEqual(Uint8Array.of(2, 0, 0, 4, 1, 2, 3, 4))
    expect(encodeCredit(0xffffffff)).toEqual(Uint8Array.of(3, 0, 0, 4, 255, 255, 255, 255))
  })

  it('decodes to the same events however its bytes are split', () => {
    const frame = fc.oneof(
      fc
        .uint8Array({ minLength: 1, maxLength: 300 })
        .map((payload) => Buffer.concat([encodeHeader(frameTypes.data, payload.length), payload])),
      fc.constant(Buffer.from(encodeFin())),
      fc.nat({ max: 0xffffffff }).map((code) => Buffer.from(encodeReset(code))),
      fc.nat({ max: 0xffffffff }).map((bytes) => Buffer.from(encodeCredit(bytes)))
    )
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames)
          const whole = record()
          whole.decoder.push(bytes)
          const split = record()
          let offset = 0
          for (const cut of cuts) {
            split.decoder.push(bytes.subarray(offset, offset + cut))
            offset += cut
          }
          split.decoder.push(bytes.subarray(offset))
          expect(split.events).toEqual(whole.events)
          expect(whole.decoder.isAtBoundary).toBe(true)
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it('passes payload on before its frame is complete', () => {
    const { events, decoder } = record()
    decoder.push(encodeHeader(frameTypes.data, 5))
    decoder.push(Uint8Array.of(1, 2))
    expect(events).toEqual([['data', '0102']])
    expect(decoder.isAtBoundary).toBe(false)
  })

  it('refuses lengths that the type does not allow, at one past the limit', () => {
    const lies = [
      encodeHeader(frameTypes.data, limits.frameBytes + 1),
      encodeHeader(frameTypes.data, 0),
      encodeHeader(frameTypes.fin, 1),
      encodeHeader(frameTypes.reset, 5),
      encodeHeader(frameTypes.credit, 3),
      Uint8Array.of(4, 0, 0, 0)
    ]
    for (const lie of lies) {
      expect(() => record().decoder.push(lie)).toThrow(expect.objectContaining({ code: 'TUNNEL_PROTOCOL' }))
    }
  })

  it('answers any bytes with events or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          record().decoder.push(bytes)
        } catch (err) {
          if (!(err instanceof MeshError)) throw err
        }
      }),
      { numRuns: 100_000 }
    )
  })
})
