import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  encodeCredit,
  encodeFin,
  encodeHeader,
  encodeReset,
  FramedDuplex,
  frameTypes,
  limits,
  MeshError,
  toWireCode
} from '@agent-mesh/wire'

const cleanups: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Both ends of one unix socket. */
const socketPair = async (): Promise<[Socket, Socket]> => {
  const folder = await mkdtemp(join(tmpdir(), 'framed-'))
  const server = createServer({ allowHalfOpen: true }).listen(join(folder, 's'))
  await once(server, 'listening')
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', resolve)
  })
  const near = connect({ path: join(folder, 's'), allowHalfOpen: true })
  const far = await accepted
  cleanups.push(async () => {
    near.destroy()
    far.destroy()
    server.close()
    await rm(folder, { recursive: true })
  })
  return [near, far]
}

const framedPair = async (): Promise<[FramedDuplex, FramedDuplex]> => {
  const [near, far] = await socketPair()
  return [new FramedDuplex(near), new FramedDuplex(far)]
}

const failure = async (stream: Duplex): Promise<unknown> => {
  const [err] = await once(stream, 'error')
  return err
}

const data = (text: string): Buffer => Buffer.concat([encodeHeader(frameTypes.data, text.length), Buffer.from(text)])

/** A carrier of which the test delivers every byte. */
class ScriptedCarrier extends Duplex {
  readonly written: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.written.push(chunk)
    callback()
  }
}

describe('a framed duplex', () => {
  it('carries both directions and ends each by itself', async () => {
    const [near, far] = await framedPair()
    near.end('question')
    expect(String(await buffer(far))).toBe('question')
    expect(near.destroyed).toBe(false)
    far.write('answer ')
    far.end('after the half-close')
    expect(String(await buffer(near))).toBe('answer after the half-close')
    await vi.waitFor(() =>
      expect([near.destroyed, far.destroyed, near.errored, far.errored]).toEqual([true, true, null, null])
    )
  })

  it('closes the carrier once both directions have ended', async () => {
    const [a, b] = await socketPair()
    const [near, far] = [new FramedDuplex(a), new FramedDuplex(b)]
    near.resume().end()
    far.resume().end()
    await Promise.all([once(a, 'close'), once(b, 'close')])
    expect([near.errored, far.errored]).toEqual([null, null])
  })

  it('splits what is larger than a frame', async () => {
    const carrier = new ScriptedCarrier()
    const framed = new FramedDuplex(carrier)
    framed.on('error', () => {})
    framed.write(Buffer.alloc(limits.frameBytes + 1, 7))
    await vi.waitFor(() => expect(carrier.written.map((piece) => piece.length)).toEqual([4, limits.frameBytes, 4, 1]))
    expect(carrier.written[0]).toEqual(Buffer.from(encodeHeader(frameTypes.data, limits.frameBytes)))
    framed.destroy()
  })

  it('gives the same bytes and the same end however the carrier splits them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.nat({ max: 30 }), { maxLength: 20 }),
        async (texts, cuts) => {
          const bytes = Buffer.concat([...texts.map(data), encodeFin()])
          const carrier = new ScriptedCarrier()
          const framed = new FramedDuplex(carrier)
          const read = buffer(framed)
          let offset = 0
          for (const cut of cuts) {
            carrier.push(bytes.subarray(offset, offset + cut))
            offset += cut
          }
          carrier.push(bytes.subarray(offset))
          expect(String(await read)).toBe(texts.join(''))
          framed.destroy()
        }
      ),
      { numRuns: 300 }
    )
  })

  it.each(['DENIED', 'UPSTREAM_REFUSED', 'CANCELLED'] as const)(
    'takes a reset with %s to the other end',
    async (code) => {
      const [near, far] = await framedPair()
      near.on('error', () => {})
      near.destroy(new MeshError(code))
      expect(await failure(far)).toMatchObject({ name: 'MeshError', code })
    }
  )

  it('resets with CANCELLED when it is destroyed without a reason', async () => {
    const [near, far] = await framedPair()
    near.destroy()
    expect(await failure(far)).toMatchObject({ code: 'CANCELLED' })
  })

  it('resets with TUNNEL_RESET when it is destroyed with the error of a socket', async () => {
    const [near, far] = await framedPair()
    near.on('error', () => {})
    near.destroy(new Error('read ECONNRESET'))
    expect(await failure(far)).toMatchObject({ code: 'TUNNEL_RESET' })
  })

  it('reports a reset that comes after a half-close', async () => {
    const [near, far] = await framedPair()
    near.end('all I have')
    await buffer(far)
    far.on('error', () => {})
    far.destroy(new MeshError('TIMEOUT'))
    expect(await failure(near)).toMatchObject({ code: 'TIMEOUT' })
  })

  it.each([
    ['before anything', ''],
    ['after data', data('abc')],
    ['inside a header', data('abc').subarray(0, 2)],
    ['inside the payload', data('abc').subarray(0, 5)]
  ])('never takes a carrier that ends %s for the end of data', async (_when, bytes) => {
    const [near, far] = await socketPair()
    const framed = new FramedDuplex(near)
    let isEnded = false
    framed
      .on('end', () => {
        isEnded = true
      })
      .resume()
    far.end(bytes)
    expect(await failure(framed)).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(isEnded).toBe(false)
  })

  it('reports a carrier that had ended before', async () => {
    const [near, far] = await socketPair()
    near.resume()
    far.end()
    await once(near, 'end')
    expect(await failure(new FramedDuplex(near))).toMatchObject({ code: 'CONNECTION_LOST' })
  })

  it('reports a carrier that is cut while it waits to send', async () => {
    const [near, far] = await socketPair()
    const framed = new FramedDuplex(near)
    const failed = failure(framed)
    framed.write(Buffer.alloc(8 * 1024 * 1024))
    far.destroy()
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST' })
  })

  it('reports a carrier that is cut between its own end and that of the other side', async () => {
    const [near, far] = await socketPair()
    const framed = new FramedDuplex(near)
    framed.resume().end('x')
    await once(framed, 'finish')
    far.destroy()
    expect(await failure(framed)).toMatchObject({ code: 'CONNECTION_LOST' })
  })

  it('holds its sender while nobody reads, and goes on when somebody does', async () => {
    const [near, far] = await framedPair()
    const total = 16 * 1024 * 1024
    const piece = Buffer.alloc(64 * 1024, 1)
    let sent = 0
    let isHeld = false
    const send = (): void => {
      while (sent < total) {
        sent += piece.length
        if (!near.write(piece)) {
          isHeld = true
          near.once('drain', send)
          return
        }
      }
      near.end()
    }
    send()
    expect(isHeld).toBe(true)
    const heldAt = await settled(() => sent)
    expect(heldAt).toBeLessThan(4 * 1024 * 1024)
    expect(far.readableLength).toBeLessThan(1024 * 1024)
    let received = 0
    far.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await once(far, 'end')
    expect(received).toBe(total)
    near.resume()
    far.end()
    await once(near, 'close')
  })

  it.each([
    ['data after FIN', [encodeFin(), data('x')]],
    ['a second FIN', [encodeFin(), encodeFin()]],
    ['credit', [encodeCredit(5)]],
    ['an unknown type', [Uint8Array.of(9, 0, 0, 0)]],
    ['a length past the limit', [encodeHeader(frameTypes.data, limits.frameBytes + 1)]]
  ])('answers %s with TUNNEL_PROTOCOL on both sides', async (_what, frames) => {
    const [near, far] = await socketPair()
    const framed = new FramedDuplex(near)
    framed.on('data', () => {})
    const answer = buffer(far)
    far.write(Buffer.concat(frames))
    expect(await failure(framed)).toMatchObject({ code: 'TUNNEL_PROTOCOL' })
    far.end()
    expect(await answer).toEqual(Buffer.from(encodeReset(toWireCode('TUNNEL_PROTOCOL'))))
  })
})

/** The value once it stays the same over ten turns of the event loop. */
const settled = async (value: () => number): Promise<number> => {
  let last = -1
  for (let same = 0; same < 10; same = value() === last ? same + 1 : 0) {
    last = value()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  return last
}
