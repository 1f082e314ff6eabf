import { describe, expect, it } from 'vitest'
import { EventPace } from '../../src/daemon/event-pace.ts'

const written = (pace: EventPace, event: string, times: number, nowMs: number): number =>
  Array.from({ length: times }, () => pace.take(event, nowMs)).filter(({ isWritten }) => isWritten).length

describe('the pace of events', () => {
  it('writes a burst, then some per second, and counts what it left out', () => {
    const pace = new EventPace()
    expect(written(pace, 'tunnel:refused', 10_000, 0)).toBe(100)
    expect(pace.take('tunnel:refused', 50)).toEqual({ isWritten: true, missed: 9_900 })
    expect(written(pace, 'tunnel:refused', 1_000, 1_050)).toBe(20)
  })

  it('lets no event suffer from another', () => {
    const pace = new EventPace()
    written(pace, 'tunnel:refused', 10_000, 0)
    expect(pace.take('peer:joined', 0)).toEqual({ isWritten: true, missed: 0 })
  })

  it('survives a clock that goes back', () => {
    const pace = new EventPace()
    written(pace, 'tunnel:refused', 200, 5_000)
    expect(pace.take('tunnel:refused', 0).isWritten).toBe(false)
    expect(pace.take('tunnel:refused', 1_000).isWritten).toBe(true)
  })
})
