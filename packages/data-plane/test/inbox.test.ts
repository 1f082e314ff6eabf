import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Inbox } from '../src/tunnel/inbox.ts'

const drain = (inbox: Inbox): Uint8Array[] => {
  const pieces: Uint8Array[] = []
  for (let piece = inbox.shift(); piece !== undefined; piece = inbox.shift()) pieces.push(piece)
  return pieces
}

describe('the inbox', () => {
  it('gives back the same bytes in the same order, whatever is pushed, taken and settled', () => {
    const action = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ push: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 900, max: 40_000 })) })
      },
      fc.constant('shift' as const),
      fc.constant('settle' as const)
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const inbox = new Inbox()
        const pushed: Uint8Array[] = []
        const taken: Uint8Array[] = []
        let next = 0
        for (const what of actions) {
          if (what === 'settle') inbox.settle()
          else if (what === 'shift') taken.push(inbox.shift() ?? new Uint8Array())
          else {
            const piece = new Uint8Array(what.push).fill(next++ % 251)
            pushed.push(piece)
            inbox.push(piece)
          }
          expect(inbox.byteLength).toBe(Buffer.concat(pushed).length - Buffer.concat(taken).length)
        }
        expect(Buffer.concat([...taken, ...drain(inbox)]).equals(Buffer.concat(pushed))).toBe(true)
        expect(inbox.byteLength).toBe(0)
      }),
      { numRuns: 300 }
    )
  })

  it('passes large pieces through without a copy', () => {
    const inbox = new Inbox()
    const piece = new Uint8Array(65_536)
    inbox.push(piece)
    expect(inbox.shift()).toBe(piece)
  })

  it('joins crumbs that wait, so that a window of single bytes costs little more than its size', () => {
    const inbox = new Inbox()
    for (let i = 0; i < 262_144; i++) {
      inbox.push(Uint8Array.of(i))
      inbox.settle()
    }
    const pieces = drain(inbox)
    expect(pieces.length).toBe(16)
    expect(pieces.every((piece) => piece.buffer.byteLength === 16_384)).toBe(true)
  })

  it('joins crumbs that came together without waiting', () => {
    const inbox = new Inbox()
    for (let i = 0; i < 100; i++) inbox.push(Uint8Array.of(i))
    inbox.push(new Uint8Array(5000))
    expect(drain(inbox).map((piece) => piece.length)).toEqual([100, 5000])
  })

  it('does not let a small view pin a large buffer while it waits', () => {
    const inbox = new Inbox()
    inbox.push(new Uint8Array(1024 * 1024).subarray(0, 2000))
    inbox.settle()
    expect(inbox.shift()?.buffer.byteLength).toBe(2000)
  })
})
