import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { showFirst, showSecond, type Proof } from '../src/proof.ts'
import { openSimultaneously } from '../src/simultaneous-open.ts'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const tokens = { first: randomBytes(16), second: randomBytes(16) }

interface Side {
  from: number
  to: number
  prove?: Proof
  own?: Uint8Array
  theirs?: Uint8Array
  timeoutMs?: number
}

const attempt = async ({ from, to, prove = showFirst, own, theirs, timeoutMs = 5_000 }: Side): Promise<Socket> => {
  const [mine, others] = prove === showFirst ? [tokens.first, tokens.second] : [tokens.second, tokens.first]
  const socket = await openSimultaneously({
    localPort: from,
    remote: { host: '127.0.0.1', port: to },
    tokens: { own: own ?? mine, theirs: theirs ?? others },
    prove,
    signal: AbortSignal.timeout(timeoutMs)
  })
  open.push(socket)
  return socket
}

const isListening = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

describe('two sides that connect to each other', () => {
  it('get one socket, on which bytes go both ways', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const [first, second] = await Promise.all([
      attempt({ from: a, to: b }),
      attempt({ from: b, to: a, prove: showSecond })
    ])
    expect([first.localPort, first.remotePort, second.localPort, second.remotePort]).toEqual([a, b, b, a])
    second.write('from the second')
    const [bytes] = await once(first, 'data')
    expect(String(bytes)).toBe('from the second')
    expect(await isListening(a)).toBe(false)
    expect(await isListening(b)).toBe(false)
  })

  it('find each other though one begins half a second later', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const first = attempt({ from: a, to: b })
    await new Promise((resolve) => setTimeout(resolve, 500))
    const second = await attempt({ from: b, to: a, prove: showSecond })
    expect((await first).remotePort).toBe(second.localPort)
  })

  it('take nobody else for the other side, and let him not stand in the way', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const second = attempt({ from: b, to: a, prove: showSecond })
    await vi.waitFor(async () => expect(await isListening(b)).toBe(true), 3_000)
    const intruders = Array.from({ length: limits.punchCandidates - 3 }, () => connect(b, '127.0.0.1'))
    for (const intruder of intruders) {
      open.push(intruder)
      intruder.on('error', () => {})
      intruder.resume()
      intruder.write(randomBytes(64))
    }
    await vi.waitFor(() => expect(intruders.every(({ destroyed }) => destroyed)).toBe(true), 3_000)
    const first = await attempt({ from: a, to: b })
    expect((await second).remotePort).toBe(first.localPort)
  })

  it('hold no more strangers than the limit says', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const second = attempt({ from: b, to: a, prove: showSecond, timeoutMs: 3_000 })
    second.catch(() => {})
    await vi.waitFor(async () => expect(await isListening(b)).toBe(true), 2_000)
    const closed: boolean[] = []
    const strangers = Array.from({ length: limits.punchCandidates + 4 }, (_, index) => {
      const socket = connect(b, '127.0.0.1')
      socket.on('error', () => {})
      socket.once('close', () => {
        closed[index] = true
      })
      return socket
    })
    await vi.waitFor(() => expect(closed.filter(Boolean).length).toBeGreaterThanOrEqual(4), 2_000)
    for (const socket of strangers) socket.destroy()
    await expect(second).rejects.toMatchObject({ code: 'PUNCH_FAILED' })
  })

  it('do not connect where the tokens are not those that were told', async () => {
    const [a, b] = [await freePort(), await freePort()]
    const both = await Promise.allSettled([
      attempt({ from: a, to: b, timeoutMs: 1_500 }),
      attempt({ from: b, to: a, prove: showSecond, theirs: randomBytes(16), timeoutMs: 1_500 })
    ])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('give up at the deadline and say what went wrong last', async () => {
    const [a, b] = [await freePort(), await freePort()]
    await expect(attempt({ from: a, to: b, timeoutMs: 400 })).rejects.toMatchObject({
      code: 'PUNCH_FAILED',
      message: expect.stringContaining(`127.0.0.1:${b}`)
    })
    expect(await isListening(a)).toBe(false)
  })
})
