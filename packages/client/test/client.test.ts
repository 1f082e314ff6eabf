import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, type Client } from '@agent-mesh/client'
import { apiFingerprint, fingerprintHeader } from '@agent-mesh/wire/api-fingerprint'

const folderOf = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-client-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A client of a server that answers as the test says. */
const against = async (listener: RequestListener, timeoutMs = 5_000): Promise<Client> => {
  const socketPath = join(await folderOf(), 'api.sock')
  const server = createServer(listener).listen(socketPath)
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return createClient({ socketPath, timeoutMs })
}

const answering =
  (status: number, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }

const calls: Array<[string, (client: Client) => Promise<unknown>]> = [
  ['a document', (client) => client.status()],
  ['a tunnel', (client) => client.connect('bob/web')],
  ['events', (client) => client.events().next()]
]

describe.each(calls)('asking for %s', (_what, call) => {
  it('without a socket is NO_DAEMON and names it', async () => {
    const socketPath = join(await folderOf(), 'api.sock')
    await expect(call(createClient({ socketPath }))).rejects.toMatchObject({
      code: 'NO_DAEMON',
      message: expect.stringContaining(socketPath),
      hint: 'mesh-node up'
    })
  })

  it('on what a dead process left is NO_DAEMON', async () => {
    const socketPath = join(await folderOf(), 'api.sock')
    await writeFile(socketPath, '')
    await expect(call(createClient({ socketPath }))).rejects.toMatchObject({ code: 'NO_DAEMON' })
  })

  it('of a node that hangs up is NO_DAEMON', async () => {
    const client = await against((request) => request.socket.destroy())
    await expect(call(client)).rejects.toMatchObject({ code: 'NO_DAEMON', message: expect.stringContaining('hung up') })
  })

  it('that was given up before is CANCELLED', async () => {
    const client = await against(() => {})
    await expect(client.status({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(client.connect('bob', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('gives the error of a problem document', async () => {
    const client = await against(
      answering(403, JSON.stringify({ code: 'DENIED', detail: 'no', hint: 'ask', details: { rule: 'r' } }))
    )
    await expect(call(client)).rejects.toMatchObject({
      name: 'MeshError',
      code: 'DENIED',
      message: 'no',
      hint: 'ask',
      details: { rule: 'r' }
    })
  })

  it.each([
    ['no JSON', 200, '<html>'],
    ['a status without a reason', 500, '{}'],
    ['a code of a newer version', 400, '{"code":"NEWER","detail":"x"}']
  ])('is API_UNREADABLE where the answer is %s', async (_answer, status, body) => {
    await expect(call(await against(answering(status, body)))).rejects.toMatchObject({ code: 'API_UNREADABLE' })
  })
})

describe('a client', () => {
  it('gives up on a node that hangs', async () => {
    const client = await against(() => {}, 50)
    await expect(client.status()).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('GET /v1/status')
    })
    await expect(client.connect('bob')).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('gives up on a node that stops in the middle of an answer', async () => {
    const client = await against((_request, response) => response.write('{"'), 50)
    await expect(client.status()).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('refuses a document of another shape, and takes one that has grown', async () => {
    await expect((await against(answering(200, '{"pid":"1"}'))).shutdown()).rejects.toMatchObject({
      code: 'API_UNREADABLE'
    })
    expect(await (await against(answering(200, '{"pid":1,"more":[]}'))).shutdown()).toMatchObject({ pid: 1 })
  })

  it('takes a node that speaks the very same documents at its word', async () => {
    const client = await against((_request, response) => {
      response.writeHead(200, { [fingerprintHeader]: apiFingerprint }).end('{"pid":"1"}')
    })
    expect(await client.shutdown()).toEqual({ pid: '1' })
  })

  it('refuses an answer past all measure', async () => {
    const client = await against((_request, response) => {
      response.write('[')
      const fill = (): void => {
        while (response.write('"x",'.repeat(64 * 1024)));
        response.once('drain', fill)
      }
      fill()
    })
    await expect(client.status()).rejects.toMatchObject({ code: 'API_UNREADABLE' })
  })

  it.skipIf(process.getuid?.() === 0)('says who may talk to a node of somebody else', async () => {
    const folder = await folderOf()
    await chmod(folder, 0o000)
    await expect(createClient({ socketPath: join(folder, 'api.sock') }).status()).rejects.toMatchObject({
      code: 'STATE_UNREADABLE'
    })
    await chmod(folder, 0o700)
  })
})

describe('events', () => {
  it('are read in any split of their bytes, comments aside', async () => {
    const text =
      ': open\n\nevent: a\ndata: {"event":"a","atMs":1,"fields":{"x":"ü"}}\n\n: here\n\ndata: {"event":"b","atMs":2,"fields":{}}\n\n'
    const client = await against((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const bytes = [...Buffer.from(text)]
      const next = (): void => {
        const byte = bytes.shift()
        if (byte === undefined) return void response.end()
        response.write(Buffer.of(byte), next)
      }
      next()
    })
    const seen = []
    for await (const event of client.events()) seen.push(event)
    expect(seen).toEqual([
      { event: 'a', atMs: 1, fields: { x: 'ü' } },
      { event: 'b', atMs: 2, fields: {} }
    ])
  })

  it('fail when the node is gone without a word', async () => {
    const client = await against((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"event":"a","atMs":1,"fields":{}}\n\n', () => setImmediate(() => request.socket.destroy()))
    })
    const events = client.events()
    expect(await events.next()).toMatchObject({ value: { event: 'a' } })
    await expect(events.next()).rejects.toMatchObject({ code: 'NO_DAEMON' })
  })
})
