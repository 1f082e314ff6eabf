import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { assert, constantFrom, array, property, string, uint8Array } from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { callOf, errorCodeIn, serviceIn, textOf } from '../../src/host/igd.ts'
import { locationIn } from '../../src/host/ssdp.ts'
import { openUpnp } from '../../src/host/upnp-client.ts'

const cleanups: Array<() => void> = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup()
})

const service = (type: string, control: string): string =>
  `<service>\n<serviceType>urn:schemas-upnp-org:service:${type}</serviceType><controlURL>${control}</controlURL></service>`

const describeGateway = (...services: string[]): string =>
  `<?xml version="1.0"?><root><device><serviceList>${services.join('')}</serviceList></device></root>`

const answer = (location: string, st = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1'): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST:${st}\r\nLocation: ${location}\r\n\r\n`)

describe('an answer to a search', () => {
  const gateway = '192.168.0.1'
  const there = 'http://192.168.0.1:5000/desc.xml'

  it('says where the gateway describes itself', () => {
    expect(locationIn(answer(there), gateway, gateway)?.href).toBe(there)
  })

  it.each([
    ['comes from somebody else', answer(there), '192.168.0.66'],
    ['points to somebody else', answer('http://192.168.0.66:5000/desc.xml'), gateway],
    ['points to a name', answer('http://192.168.0.1.example.com/'), gateway],
    ['hides its host behind a password', answer('http://192.168.0.1:80@192.168.0.66/'), gateway],
    ['brings a password along', answer('http://admin:admin@192.168.0.1/'), gateway],
    ['is of another scheme', answer('ftp://192.168.0.1/desc.xml'), gateway],
    ['is of another device', answer(there, 'urn:schemas-upnp-org:device:MediaServer:1'), gateway],
    ['is too long', Buffer.concat([answer(there), Buffer.alloc(2_048)]), gateway],
    ['is none', Buffer.from(`NOTIFY * HTTP/1.1\r\nLocation: ${there}\r\n\r\n`), gateway]
  ])('is not believed where it %s', (_, bytes, from) => {
    expect(locationIn(bytes, from, gateway)).toBeUndefined()
  })

  it('never throws, whatever arrives', () => {
    assert(property(uint8Array({ maxLength: 300 }), (bytes) => void locationIn(bytes, gateway, gateway)))
  })
})

describe('the description of a gateway', () => {
  const location = new URL('http://192.168.0.1:5000/desc/root.xml')

  it('names the best service that maps ports, and where it is called', () => {
    const xml = describeGateway(
      service('WANCommonInterfaceConfig:1', '/common'),
      service('WANPPPConnection:1', '/ppp'),
      service('WANIPConnection:1', 'ctl?a=1&amp;b=2')
    )
    expect(serviceIn(xml, location)).toEqual({
      type: 'urn:schemas-upnp-org:service:WANIPConnection:1',
      control: new URL('http://192.168.0.1:5000/desc/ctl?a=1&b=2')
    })
  })

  it.each([
    ['somebody else', 'http://192.168.0.66:5000/ctl'],
    ['another port of the gateway', 'http://192.168.0.1/ctl'],
    ['somebody else without a scheme', '//192.168.0.66/ctl'],
    ['a file', 'file:///etc/passwd']
  ])('does not send calls to %s', (_, control) => {
    expect(serviceIn(describeGateway(service('WANIPConnection:1', control)), location)).toBeUndefined()
  })

  it('takes no time and never throws, whatever is in it', () => {
    const piece = constantFrom('<service>', '</service>', '<serviceType', '>', '<controlURL>', '&amp;', '<', 'a', '\n')
    assert(property(array(piece, { maxLength: 200 }), (pieces) => void serviceIn(pieces.join(''), location)))
    assert(property(string(), (xml) => void serviceIn(`<service>${xml}`, location)))
    for (const one of ['<service>', '<controlURL', '<serviceType '])
      serviceIn(one.repeat(limits.upnpAnswerBytes / one.length), location)
  })
})

describe('calls', () => {
  it('carry values as text, and no more', () => {
    expect(callOf('urn:x', 'Do', { A: '<b/>&', C: 1 })).toContain(
      '<u:Do xmlns:u="urn:x"><A>&lt;b/&gt;&amp;</A><C>1</C></u:Do>'
    )
  })

  it('are answered with text or with a code', () => {
    expect(textOf('<a:NewX dt="s">1</a:NewX><NewXY>2</NewXY><NewX dt="s"> 3 </NewX>', 'NewX')).toBe('3')
    expect(errorCodeIn('<errorCode>718</errorCode>')).toBe(718)
    for (const odd of ['', '<errorCode>', '<errorCode>x</errorCode>', '<errorCode>99999999</errorCode>'])
      expect(errorCodeIn(odd)).toBe(0)
  })
})

type Route = (incoming: IncomingMessage, outgoing: ServerResponse) => unknown

/** A gateway on the loopback that answers searches, and requests as it is told. */
const startGateway = async (route: Route) => {
  const server = createServer((incoming, outgoing) => void route(incoming, outgoing))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const socket = createSocket('udp4')
  socket.on('message', (_, from) => socket.send(answer(`http://127.0.0.1:${address.port}/`), from.port, from.address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  cleanups.push(() => {
    socket.close()
    server.closeAllConnections()
    server.close()
  })
  const open = openUpnp({ search: { address: '127.0.0.1', port: socket.address().port }, firstWaitMs: 20 })
  return async () => open({ gateway: '127.0.0.1', internalIp: '127.0.0.1' }, AbortSignal.timeout(10_000))
}

/** Of IGD 1: what its control URL answers to each call. */
const igd =
  (control: (call: string) => { status: number; body: string }): Route =>
  async (incoming, outgoing) => {
    const isCall = incoming.method === 'POST'
    const description = describeGateway(service('WANIPConnection:1', '/ctl'))
    const { status, body } = isCall ? control(await text(incoming)) : { status: 200, body: description }
    outgoing.writeHead(status).end(body)
  }

describe('a gateway', () => {
  const never = new AbortController().signal

  it('that gives ports for ever alone, or has them taken, is asked for what it can give', async () => {
    const asked: string[] = []
    const open = await startGateway(
      igd((call) => {
        asked.push(`${textOf(call, 'NewExternalPort')} ${textOf(call, 'NewLeaseDuration')}`)
        if (textOf(call, 'NewLeaseDuration') !== '0') return { status: 500, body: '<errorCode>725</errorCode>' }
        if (textOf(call, 'NewExternalPort') === '4001') return { status: 500, body: '<errorCode>718</errorCode>' }
        return { status: 200, body: '' }
      })
    )
    const given = await (await open()).map({ internalPort: 4001, externalPort: 4001, lifetimeMs: 60_000 }, never)
    expect(asked).toEqual(['4001 60', '4001 0', `${given.externalPort} 0`])
    expect(given.externalPort).toBeGreaterThan(4001)
  })

  it('that changes the protocol has not answered, and nobody waits for more', async () => {
    const open = await startGateway((incoming, outgoing) => {
      incoming.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
      outgoing.detachSocket(incoming.socket)
    })
    await expect(open()).rejects.toThrow('it hung up')
  })

  it('cannot be searched for from an address that is gone, and that ends nothing else', async () => {
    const search = { address: '127.0.0.1', port: 9 }
    const unheard = vi.fn()
    process.on('unhandledRejection', unheard)
    const opening = openUpnp({ search, firstWaitMs: 20 })({ gateway: '127.0.0.1', internalIp: '203.0.113.9' }, never)
    await expect(opening).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unheard)
    expect(unheard).not.toHaveBeenCalled()
  })

  it('that refuses for ever is not asked for ever', async () => {
    let asked = 0
    const open = await startGateway(
      igd(() => {
        asked += 1
        return { status: 500, body: '<errorCode>718</errorCode>' }
      })
    )
    const client = await open()
    await expect(client.map({ internalPort: 1, externalPort: 1, lifetimeMs: 1 }, never)).rejects.toThrow('is taken')
    expect(asked).toBe(5)
  })

  it('that names no address outside has none', async () => {
    const body = '<NewExternalIPAddress>evil.example</NewExternalIPAddress>'
    const open = await startGateway(igd(() => ({ status: 200, body })))
    await expect((await open()).externalAddress(never)).rejects.toThrow('names no address')
  })

  it('may say as much as the limit, and not a byte more', async () => {
    const description = describeGateway(service('WANIPConnection:1', '/ctl'))
    let bytes = limits.upnpAnswerBytes
    const open = await startGateway((_, outgoing) => outgoing.end(description.padEnd(bytes)))
    await open()
    bytes += 1
    await expect(open()).rejects.toThrow('it says too much')
  })

  it('does not send its callers elsewhere', async () => {
    const open = await startGateway(({ url }, outgoing) =>
      url === '/' ? outgoing.writeHead(302, { location: '/other' }).end() : outgoing.end(describeGateway())
    )
    await expect(open()).rejects.toThrow('its description is HTTP 302')
  })

  it('that falls silent is waited for within a limit', async () => {
    const open = await startGateway((_, outgoing) => outgoing.write('<root>'))
    await expect(open()).rejects.toThrow()
  })
})
