import { describe, expect, it } from 'vitest'
import { SendTurns, type Sender } from '../src/tunnel/send-turns.ts'

/** A connection that is full after `room` frames and takes as many again after a drain. */
const startConnection = (room: number) => {
  const turns = new SendTurns()
  const sent: string[] = []
  let free = 0
  const sender = (name: string, frames: number): Sender & { left: number } => ({
    left: frames,
    get isReady() {
      return free > 0
    },
    sendOne() {
      free -= 1
      this.left -= 1
      sent.push(name)
      return this.left > 0
    }
  })
  const drain = async (): Promise<void> => {
    free = room
    turns.wake()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { turns, sent, sender, drain }
}

describe('the turns of the senders of one connection', () => {
  it('go round, however little the connection takes at a time', async () => {
    const { turns, sent, sender, drain } = startConnection(1)
    for (const name of ['a', 'b', 'c']) turns.request(sender(name, 3))
    for (let i = 0; i < 10; i++) await drain()
    expect(sent.join('')).toBe('abcabcabc')
  })

  it('let somebody new have one after at most one of everybody else', async () => {
    const { turns, sent, sender, drain } = startConnection(1)
    for (let i = 0; i < 50; i++) turns.request(sender('old', 1000))
    for (let i = 0; i < 500; i++) await drain()
    const before = sent.length
    turns.request(sender('new', 1))
    while (!sent.includes('new')) await drain()
    expect(sent.length - before).toBeLessThanOrEqual(51)
  })

  it('go on at once while the connection takes everything', () => {
    const { turns, sent, sender, drain } = startConnection(100)
    void drain()
    turns.request(sender('a', 3))
    expect(sent.join('')).toBe('aaa')
  })

  it('run whoever asks while another one sends', () => {
    const { turns, sent, sender, drain } = startConnection(100)
    void drain()
    const second = sender('b', 1)
    turns.request({
      isReady: true,
      sendOne: () => {
        sent.push('a')
        turns.request(second)
        return false
      }
    })
    expect(sent.join('')).toBe('ab')
  })

  it('skip who is not ready and forget who left', async () => {
    const { turns, sent, sender, drain } = startConnection(2)
    const blocked = { isReady: false, sendOne: () => sent.push('blocked') > 0 }
    const gone = sender('gone', 5)
    turns.request(blocked)
    turns.request(sender('a', 4))
    turns.request(gone)
    turns.cancel(gone)
    await drain()
    await drain()
    expect(sent.join('')).toBe('aaaa')
  })

  it('begin after everything that the streams held back themselves', async () => {
    const { turns, sent, sender, drain } = startConnection(1)
    turns.request(sender('payload ', 1))
    const woken = drain()
    for (let i = 0; i < 3; i++) queueMicrotask(() => sent.push('held '))
    await woken
    expect(sent.join('')).toBe('held held held payload ')
  })
})
