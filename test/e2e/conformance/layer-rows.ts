import { expect, vi } from 'vitest'
import { openRawClient, say, type Heard } from '../harness/raw-client.ts'
import { greeting, named, reply, type Rig, type Row } from './rig.ts'

/** What a client is told of one cause. */
interface Told {
  /** Reply of RFC 1928, section 6. */
  socks: number
  status: number
  /** Proxy error type of RFC 9209, section 2.3. */
  type: string
}

interface Asked {
  host: string
  port?: number
  /** Through the proxies that let every name through. */
  isOpen?: boolean
}

const tell = async (door: number, bytes: number[]): Promise<Heard> => say(door, bytes, { withinMs: 30_000 })

/** @param expected - one of these is told; each door may be asked at another moment */
const ask = async (rig: Rig, { host, port = 80, isOpen = false }: Asked, ...expected: Told[]): Promise<void> => {
  const doors = isOpen ? rig.open : rig
  const [bySocks, ...byHttp] = await Promise.all([
    tell(doors.socks, [...greeting, ...named(host, port)]),
    tell(doors.http, [...Buffer.from(`GET http://${host}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)]),
    tell(doors.http, [...Buffer.from(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)])
  ])
  expect(expected.map(({ socks }) => ({ bytes: [5, 0, ...reply(socks)], ending: 'end' }))).toContainEqual(bySocks)
  for (const { bytes } of byHttp) {
    const [, status, type] =
      /^HTTP\/1\.1 (\d+) [^]*\r\nProxy-Status: mesh-node; error=(\w+);/.exec(Buffer.from(bytes).toString()) ?? []
    expect(expected.map((told) => `${told.status} ${told.type}`)).toContain(`${status} ${type}`)
  }
}

const row = (cause: string, asked: Asked, told: Told): Row => ({
  section: 'RFC 1928 §6',
  what: `${cause}: 0x0${told.socks}; RFC 9209: ${told.status}, ${told.type}`,
  check: (rig) => ask(rig, asked, told)
})

const denied = { socks: 2, status: 403, type: 'http_request_denied' }
const prohibited = { socks: 2, status: 403, type: 'destination_ip_prohibited' }
const unknown = { socks: 4, status: 502, type: 'dns_error' }
const badName = { socks: 4, status: 400, type: 'http_request_error' }
const gone = { socks: 4, status: 503, type: 'destination_unavailable' }
const late = { socks: 6, status: 504, type: 'connection_timeout' }

/** Each cause is a real one, of processes and sockets. */
export const layerRows: Row[] = [
  row('a policy that denies', { host: 'secret.alice.mesh' }, denied),
  row('a name outside the mesh', { host: 'example.com' }, denied),
  row('this machine', { host: '127.0.0.1' }, denied),
  row('this machine, where every name is let through', { host: '127.0.0.1', isOpen: true }, prohibited),
  row('a name of this machine, likewise', { host: 'localhost', isOpen: true }, prohibited),
  row('a name that nobody has', { host: 'nobody.mesh' }, unknown),
  row('a skill that nobody has', { host: 'juggling.cap.mesh' }, unknown),
  row('a name that is none', { host: 'cap.mesh' }, badName),
  row(
    'a service that is not there',
    { host: 'missing.alice.mesh' },
    { socks: 5, status: 502, type: 'destination_not_found' }
  ),
  row('a service that refuses', { host: 'gone.alice.mesh' }, { socks: 5, status: 502, type: 'connection_refused' }),
  row('a service that neither accepts nor refuses', { host: 'hole.alice.mesh' }, late)
]

/** One after the other: they take carol away. */
export const harmRows: Row[] = [
  {
    section: 'RFC 1928 §6',
    what: 'an agent that says nothing: 0x06, or 0x04 once it is given up; RFC 9209: 504 or 503',
    check: async (rig) => {
      const { alice } = rig.mesh
      process.kill(alice.pid, 'SIGSTOP')
      try {
        await ask(rig, { host: 'raw.alice.mesh' }, late, gone)
      } finally {
        process.kill(alice.pid, 'SIGCONT')
      }
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'an agent that died: 0x04; RFC 9209: 503, destination_unavailable',
    check: async (rig) => {
      const isReached = [5, 0, ...reply(0)]
      await vi.waitFor(
        async () => {
          const request = [...greeting, ...named('raw.alice.mesh', 80)]
          expect((await say(rig.socks, request, { until: (heard) => heard.length >= 12 })).bytes).toEqual(isReached)
        },
        { timeout: 60_000, interval: 100 }
      )
      await rig.mesh.alice.kill()
      await ask(rig, { host: 'raw.alice.mesh' }, gone)
    }
  },
  {
    section: 'RFC 1928 §6',
    what: 'an agent that is leaving, with a tunnel open: 0x03; RFC 9209: 503, destination_unavailable',
    check: async (rig) => {
      const { bob, carol } = rig.mesh
      const client = await openRawClient(rig.socks)
      client.socket.write(Uint8Array.from([...greeting, ...named('raw.carol.mesh', 80), 1]))
      await client.until((heard) => heard.length === 13)
      const left = carol.stop()
      try {
        // until the signal has arrived she takes tunnels still; after her goodbye her name leads nowhere
        await vi.waitFor(
          async () => {
            const opened = await bob.client.connect('carol/raw', { signal: AbortSignal.timeout(5_000) }).then(
              (tunnel) => tunnel.destroy(),
              () => undefined
            )
            expect(opened).toBeUndefined()
          },
          { timeout: 10_000, interval: 10 }
        )
        await ask(rig, { host: 'raw.carol.mesh' }, { socks: 3, status: 503, type: 'destination_unavailable' }, unknown)
      } finally {
        client.socket.destroy()
        await left
      }
    }
  },
  row('an agent that has left', { host: 'raw.carol.mesh' }, unknown),
  {
    section: 'RFC 1928 §6',
    what: 'no network any more, since its own node has ended: the connection is refused',
    check: async (rig) => {
      await rig.mesh.bob.kill()
      const { socket } = await openRawClient(rig.socks).catch((err: unknown) => ({ socket: err }))
      expect(socket).toMatchObject({ code: 'ECONNREFUSED' })
    }
  }
]
