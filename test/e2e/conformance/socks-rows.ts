import { createHash } from 'node:crypto'
import { expect, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { openRawClient, say } from '../harness/raw-client.ts'
import { seededBytes } from '../harness/seeded-bytes.ts'
import { greeting, named, reply, type Rig, type Row } from './rig.ts'

const noMethod = [5, 0xff]
const chosen = [5, 0]
const raw = named('raw.alice.mesh', 7)
/** Beyond these seconds a refused client must have been let go of. */
const mostMs = 10_000

/** Every number of a byte but that of "no authentication". */
const otherMethods = Array.from({ length: 255 }, (_, i) => i + 1)

const answers =
  (bytes: readonly number[], expected: readonly number[]) =>
  async ({ socks }: Rig): Promise<void> => {
    expect(await say(socks, bytes)).toEqual({ bytes: [...expected], ending: 'end' })
  }

const accepts =
  (bytes: readonly number[]) =>
  async ({ socks }: Rig): Promise<void> => {
    const { bytes: heard } = await say(socks, bytes, { until: (all) => all.length >= 2 })
    expect(heard).toEqual(chosen)
  }

const refuses = (request: readonly number[], code: number) =>
  answers([...greeting, ...request], [...chosen, ...reply(code)])

const untilEchoed = (text: string) => (heard: Buffer) => heard.toString('latin1').endsWith(text)

/** What bytes mean, before anybody is reached. */
export const protocolRows: Row[] = [
  { section: 'RFC 1928 §3', what: 'a greeting without methods: 0xFF, and the end', check: answers([5, 0], noMethod) },
  { section: 'RFC 1928 §3', what: '"no authentication" alone is taken', check: accepts(greeting) },
  {
    section: 'RFC 1928 §3',
    what: 'it is found as the last of 255 methods',
    check: accepts([5, 255, ...otherMethods.slice(0, 254), 0])
  },
  {
    section: 'RFC 1928 §3',
    what: '255 methods without it: 0xFF',
    check: answers([5, 255, ...otherMethods], noMethod)
  },
  { section: 'RFC 1928 §3', what: 'GSSAPI alone: 0xFF', check: answers([5, 1, 1], noMethod) },
  {
    section: 'RFC 1929 §1',
    what: 'a user name and password are not asked for: 0xFF',
    check: answers([5, 1, 2], noMethod)
  },
  {
    section: 'RFC 1929 §2',
    what: 'nor taken where they come unasked',
    check: answers([...greeting, 1, 2, 104, 105, 2, 104, 105], [...chosen, ...reply(1)])
  },
  ...[0, 1, 6, 0x16, 255].map((version): Row => ({
    section: 'RFC 1928 §3',
    what: `a greeting of version ${version}: 0xFF`,
    check: answers([version, 1, 0], noMethod)
  })),
  {
    section: 'SOCKS 4',
    what: 'is told 0x5B in its own words',
    check: answers([4, 1, 0, 80, 127, 0, 0, 1, 0], [0, 0x5b, 0, 0, 0, 0, 0, 0])
  },
  {
    section: 'RFC 9110 §15.6.2',
    what: 'a client of HTTP is told 501 in its own words',
    check: async ({ socks }) => {
      const { bytes } = await say(socks, [...Buffer.from('GET http://raw.alice.mesh/ HTTP/1.1\r\n\r\n')])
      expect(Buffer.from(bytes).toString()).toMatch(/^HTTP\/1\.0 501 /)
    }
  },
  { section: 'RFC 1928 §4', what: 'a request of another version: 0x01', check: refuses([4, ...raw.slice(1)], 1) },
  { section: 'RFC 1928 §4', what: 'a reserved byte that is set: 0x01', check: refuses([5, 1, 1, ...raw.slice(3)], 1) },
  { section: 'RFC 1928 §4', what: 'port 0: 0x01', check: refuses(named('raw.alice.mesh', 0), 1) },
  { section: 'RFC 1928 §4', what: 'BIND: 0x07', check: refuses(named('raw.alice.mesh', 7, 2), 7) },
  { section: 'RFC 1928 §7', what: 'UDP ASSOCIATE: 0x07', check: refuses(named('raw.alice.mesh', 7, 3), 7) },
  ...[0, 4, 255].map((command): Row => ({
    section: 'RFC 1928 §4',
    what: `command ${command}: 0x07`,
    check: refuses(named('raw.alice.mesh', 7, command), 7)
  })),
  ...[0, 2, 5, 255].map((type): Row => ({
    section: 'RFC 1928 §5',
    what: `address type ${type}: 0x08`,
    check: refuses([5, 1, 0, type, 1, 1, 1, 1, 0, 7], 8)
  })),
  {
    section: 'RFC 1928 §5',
    what: 'an IPv4 address is understood: 0x02, it is outside the mesh',
    check: refuses([5, 1, 0, 1, 192, 0, 2, 1, 0, 80], 2)
  },
  {
    section: 'RFC 1928 §5',
    what: 'an IPv6 address is understood: 0x02, it is outside the mesh',
    check: refuses([5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, ...Array.from({ length: 12 }, () => 1), 0, 80], 2)
  },
  {
    section: 'RFC 1928 §5',
    what: 'a name of no letters: 0x01',
    check: refuses(named('', 7), 1)
  },
  {
    section: 'RFC 1928 §5',
    what: 'a name of 255 letters is read whole: 0x04 inside the mesh, 0x02 outside',
    check: async (rig) => {
      await refuses(named(`${'a'.repeat(250)}.mesh`, 7), 4)(rig)
      await refuses(named('a'.repeat(255), 7), 2)(rig)
    }
  },
  {
    section: 'RFC 1928 §5',
    what: 'a name may have any bytes: 0x04, and nobody is asked for it',
    check: refuses(named('a\0b\xff.mesh', 7), 4)
  },
  {
    section: 'RFC 1928 §6',
    what: 'a client that was refused and stays is let go of within 10 s',
    check: async ({ socks }) => {
      const began = performance.now()
      expect(await say(socks, [...greeting, ...named('nobody.mesh', 7)])).toMatchObject({ ending: 'end' })
      expect(performance.now() - began).toBeLessThan(mostMs)
      const client = await openRawClient(socks)
      client.socket.write(Uint8Array.from([...greeting, ...named('nobody.mesh', 7)]))
      await client.until((all) => all.length === 12)
      const filling = setInterval(() => client.socket.write('more'), 50)
      try {
        await vi.waitFor(() => expect(client.socket.destroyed).toBe(true), { timeout: mostMs, interval: 50 })
      } finally {
        clearInterval(filling)
      }
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'success has the shape of any reply, and an address that is none',
    check: async ({ socks }) => {
      const { bytes } = await say(socks, [...greeting, ...raw], { until: (all) => all.length >= 12 })
      expect(bytes).toEqual([...chosen, ...reply(0)])
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'what follows the request at once is data, and comes after the reply',
    check: async ({ socks }) => {
      const { bytes } = await say(socks, [...greeting, ...raw, ...Buffer.from('early')], {
        until: untilEchoed('early')
      })
      expect(bytes).toEqual([...chosen, ...reply(0), ...Buffer.from('early')])
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'bytes mean the same wherever they are split',
    check: async ({ socks }) => {
      const all = [...greeting, ...raw, ...Buffer.from('data')]
      const heard = await Promise.all(
        all.slice(1).map(async (_, i) => {
          const client = await openRawClient(socks)
          client.socket.write(Uint8Array.from(all.slice(0, i + 1)))
          // Whatever this called for has been said when the second half goes.
          if (i + 1 >= greeting.length) await client.until((said) => said.length >= 2)
          client.socket.write(Uint8Array.from(all.slice(i + 1)))
          const said = await client.until(untilEchoed('data'))
          client.socket.destroy()
          return [...said]
        })
      )
      for (const one of heard) expect(one).toEqual([...chosen, ...reply(0), ...Buffer.from('data')])
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'bytes that come one by one mean the same',
    check: async ({ socks }) => {
      const client = await openRawClient(socks)
      for (const byte of [...greeting, ...raw, ...Buffer.from('data')]) {
        client.socket.write(Uint8Array.of(byte))
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
      }
      expect([...(await client.until(untilEchoed('data')))]).toEqual([...chosen, ...reply(0), ...Buffer.from('data')])
      client.socket.destroy()
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'a client may end its half: the service reads all of it, and its answer comes back',
    check: async ({ socks }) => {
      const request = [...greeting, ...named('digest.alice.mesh', 7)]
      const { bytes, ending } = await say(socks, [...request, ...Buffer.from('all of it')], { isEnded: true })
      const { sha256 }: { sha256: string } = JSON.parse(Buffer.from(bytes.slice(12)).toString())
      expect(sha256).toBe(createHash('sha256').update('all of it').digest('hex'))
      expect(ending).toBe('end')
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'a service may end its half: the client reads all of it, and goes on speaking',
    check: async ({ socks, told }) => {
      const client = await openRawClient(socks)
      client.socket.write(Uint8Array.from([...greeting, ...named('greet.alice.mesh', 7)]))
      expect(await client.ending(mostMs)).toBe('end')
      expect(client.heard().subarray(12).toString()).toBe('hello from greet')
      client.socket.end('goes on')
      await vi.waitFor(() => expect(told).toContain('goes on'), { timeout: mostMs })
    }
  },
  ...[
    ['in its greeting', [5, 2, 0]],
    ['in its request', [...greeting, ...raw.slice(0, 9)]]
  ].map(([where, bytes]): Row => ({
    section: 'RFC 1928 §3, §4',
    what: `a client that ends ${String(where)} is told no more`,
    check: async ({ socks }) => {
      const { bytes: heard, ending } = await say(socks, Array.isArray(bytes) ? bytes : [], { isEnded: true })
      expect(heard).toEqual(Array.isArray(bytes) && bytes.length > 4 ? chosen : [])
      expect(ending).toBe('end')
    }
  })),
  ...[
    ['greeting', [5, 3, 1]],
    ['request', [...greeting, ...raw.slice(0, 9)]]
  ].map(([what, bytes]): Row => ({
    section: 'RFC 1928 §3, §4',
    what: `a ${String(what)} that does not come to its end is cut after ${limits.proxyHandshakeTimeoutMs / 1_000} s`,
    check: async ({ socks }) => {
      const { ending } = await say(socks, Array.isArray(bytes) ? bytes : [], {
        withinMs: limits.proxyHandshakeTimeoutMs + 5_000
      })
      expect(ending).toBe('reset')
    }
  })),
  {
    section: 'RFC 1928 §3',
    what: 'of 64 pieces of garbage none is taken for a request',
    check: async ({ socks }) => {
      const heard = await Promise.all(
        Array.from({ length: 64 }, async (_, seed) => say(socks, [...seededBytes(seed, 200)], { isEnded: true }))
      )
      for (const { bytes, ending } of heard) {
        expect(ending).not.toBe('open')
        expect(bytes.slice(2, 4), 'no reply says yes').not.toEqual([5, 0])
      }
    }
  }
]
