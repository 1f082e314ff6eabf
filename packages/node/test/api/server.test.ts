import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, json } from 'node:stream/consumers'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { errorKinds, isErrorCode, limits, MeshError, type ErrorCode } from '@agent-mesh/wire'
import { problem } from '@agent-mesh/wire/api'
import { apiFingerprint, fingerprintHeader } from '@agent-mesh/wire/api-fingerprint'
import { createClient } from '@agent-mesh/client'
import { httpStatus } from '../../src/api/problem.ts'
import { routes } from '../../src/api/routes.ts'
import { startApi } from '../../src/api/server.ts'
import { exampleForward, exampleNetwork, exampleNode, exampleStatus } from '@agent-mesh/testkit/example-node'
import { serveExample } from './serve-example.ts'

const logger = pino({ level: 'silent' })

const raw = async (
  socketPath: string,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {}
): Promise<{ status: number; type: string; api: string; body: unknown }> => {
  const outgoing = request({
    socketPath,
    method,
    path,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }),
      ...headers
    }
  })
  outgoing.end(body)
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    type: string
    api: string
    body: unknown
  }>()
  outgoing.once('error', reject)
  outgoing.once('response', (response) => {
    json(response).then(
      (value) =>
        resolve({
          status: response.statusCode ?? 0,
          type: String(response.headers['content-type']),
          api: String(response.headers[fingerprintHeader]),
          body: value
        }),
      reject
    )
  })
  return promise
}

const padded = (length: number): string => '{"query":"a"}'.padEnd(length)

const classOf = (code: ErrorCode): number => Math.floor(httpStatus(code) / 100)

const folderOf = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-sock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the client and the server', () => {
  it('agree on every document', async () => {
    const { client, node } = await serveExample()
    expect(await client.status()).toEqual(exampleStatus)
    expect(await client.network()).toEqual(exampleNetwork)
    expect(await client.invite({ uses: 2 })).toMatchObject({ ticket: 'mesh1x' })
    expect(await client.services()).toHaveLength(1)
    expect(await client.serve('web', { address: 'http://127.0.0.1:8000' })).toMatchObject({ service: { name: 'web' } })
    expect(node.serve).toHaveBeenCalledWith('web', {
      address: 'http://127.0.0.1:8000',
      capabilities: [],
      replace: false
    })
    expect(await client.unserve('web')).toEqual({ name: 'web' })
    expect(node.unserve).toHaveBeenCalledWith('web')
    expect(await client.publish({ capability: 'a/b', service: 'web' })).toMatchObject({ publication: { storedBy: 2 } })
    expect(await client.unpublish('language_processing/translation')).toMatchObject({ capability: 'a/b' })
    expect(node.unpublish).toHaveBeenCalledWith('language_processing/translation')
    expect(await client.find({ query: 'a' })).toMatchObject({ suggestions: ['a/b'] })
    expect(node.find).toHaveBeenCalledWith({ query: 'a', limit: 32 }, { signal: expect.any(AbortSignal) })
    expect(await client.peers()).toEqual([])
    expect(await client.dial({ target: 'bob' })).toMatchObject({ path: 'direct' })
    expect(await client.ping({ target: 'bob' })).toMatchObject({ rttMs: 1.5 })
    expect(await client.why({ target: 'bob/web', from: 'eve' })).toMatchObject({ target: 'bob/web', verdict: 'ok' })
    expect(node.why).toHaveBeenCalledWith({ target: 'bob/web', from: 'eve' }, { signal: expect.any(AbortSignal) })
    expect(await client.forwards()).toEqual([exampleForward])
    expect(await client.addForward({ listen: '127.0.0.1:0', target: 'bob/web' })).toEqual(exampleForward)
    expect(await client.whois('[::1]:4000')).toMatchObject({ service: 'web' })
    expect(node.whois).toHaveBeenCalledWith('[::1]:4000')
  })

  it.each(['f1', '127.0.0.1:4000', '[::1]:4000', 'unix:/run/a b/x.sock', `unix:/${'x'.repeat(120)}`])(
    'name a forward as %s',
    async (id) => {
      const { client, node } = await serveExample()
      await client.removeForward(id)
      expect(node.removeForward).toHaveBeenCalledWith(id)
    }
  )

  it('have one method per route, and describe each', async () => {
    const { client } = await serveExample()
    const { socketPath: _, ...methods } = client
    const operations = routes.map(({ operation }) => operation)
    expect(new Set(operations)).toEqual(new Set(Object.keys(methods)))
    expect(operations).toHaveLength(new Set(operations).size)
    const document = JSON.stringify(await client.openapi())
    for (const operation of operations) expect(document).toContain(`"operationId":"${operation}"`)
    const references = [...document.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect(references.length).toBeGreaterThan(20)
    for (const name of references) expect(document).toContain(`"${name ?? ''}":{`)
  })

  it('pass on code, message, hint and details of an error', async () => {
    const { client, node } = await serveExample()
    const error = new MeshError('DENIED', 'bob does not allow web.', {
      hint: 'Ask bob.',
      details: { rule: 'default', services: ['web'] }
    })
    node.dial.mockRejectedValue(error)
    const failure = await client.dial({ target: 'bob' }).catch((err: unknown) => err)
    expect(failure).toBeInstanceOf(MeshError)
    expect(failure).toMatchObject({
      code: 'DENIED',
      layer: 'policy',
      message: error.message,
      hint: 'Ask bob.',
      details: error.details,
      exitCode: 3
    })
  })

  it('call a defect INTERNAL', async () => {
    const { client, node } = await serveExample()
    node.status.mockRejectedValue(new TypeError('x is not a function'))
    await expect(client.status()).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('abort the work of the node when the caller gives up', async () => {
    const { client, node } = await serveExample()
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>()
    const { promise: called, resolve: call } = Promise.withResolvers<void>()
    node.find.mockImplementation((_request, { signal }) => {
      call()
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason)
          reject(signal.reason)
        })
      })
    })
    const giveUp = new AbortController()
    const found = client.find({ query: 'a' }, { signal: giveUp.signal })
    await called
    giveUp.abort()
    await expect(found).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await aborted).toMatchObject({ code: 'CANCELLED' })
  })
})

describe('a client of another version', () => {
  it.each(
    routes
      .filter(({ kind, method }) => kind === 'document' && method === 'GET')
      .map(({ path, response }) => [path, response] as const)
  )('finds the document of %s as its schema says, under the fingerprint of all schemas', async (path, response) => {
    const { socketPath } = await serveExample()
    const answer = await raw(socketPath, 'GET', path === '/v1/whois' ? `${path}?address=x` : path)
    expect(response?.safeParse(answer.body)).toMatchObject({ success: true })
    expect(answer.api).toBe(apiFingerprint)
  })
})

describe('a refused request', () => {
  it.each([
    ['an unknown field', 'POST', '/v1/find', '{"query":"a","kind":"b"}', 400, 'kind'],
    ['a wrong type', 'POST', '/v1/find', '{"query":"a","limit":"3"}', 400, 'limit'],
    ['a missing field', 'POST', '/v1/dial', '{}', 400, 'target'],
    ['no body', 'POST', '/v1/dial', undefined, 400, 'body'],
    ['no JSON', 'POST', '/v1/dial', '{', 400, ''],
    ['a body where none belongs', 'DELETE', '/v1/services/web', '{"force":true}', 400, 'body'],
    ['an unknown query', 'GET', '/v1/status?verbose=1', undefined, 400, 'query'],
    ['a missing query', 'GET', '/v1/whois', undefined, 400, 'address'],
    ['an unknown path', 'GET', '/v2/status', undefined, 404, '/v2/status'],
    ['a bad escape', 'GET', '/v1/services/%E0%A4%A', undefined, 400, ''],
    ['a wrong method', 'DELETE', '/v1/status', undefined, 404, 'DELETE'],
    ['an empty path part', 'DELETE', '/v1/publications/', undefined, 400, 'capability'],
    ['a tunnel without upgrade', 'GET', '/v1/tunnels/bob', undefined, 426, 'Upgrade']
  ])('with %s says so', async (_what, method, path, body, statusCode, text) => {
    const { socketPath } = await serveExample()
    const answer = await raw(socketPath, method, path, body)
    expect(answer.status).toBe(statusCode)
    expect(answer.type).toMatch(/^application\/problem\+json/)
    expect(problem.parse(answer.body)).toMatchObject({
      code: 'USAGE',
      status: statusCode,
      detail: expect.stringContaining(text)
    })
  })

  it('has at most the bytes of the limit, and is refused at one past it', async () => {
    const { socketPath } = await serveExample()
    expect((await raw(socketPath, 'POST', '/v1/find', padded(limits.apiBodyBytes))).status).toBe(200)
    const answer = await raw(socketPath, 'POST', '/v1/find', padded(limits.apiBodyBytes + 1))
    expect(answer).toMatchObject({ status: 413, body: { code: 'USAGE' } })
  })

  it('takes a policy of the largest size, and one byte more is refused', async () => {
    const { socketPath } = await serveExample()
    const empty = JSON.stringify({ file: 'p', source: '' }).length
    const push = async (bytes: number) =>
      raw(socketPath, 'PUT', '/v1/policy', JSON.stringify({ file: 'p', source: 'x'.repeat(bytes - empty) }))
    expect((await push(limits.apiPolicyBodyBytes)).status).toBe(200)
    expect((await push(limits.apiPolicyBodyBytes + 1)).status).toBe(413)
    // base64 takes four letters for three bytes.
    expect(limits.apiPolicyBodyBytes).toBeGreaterThan((limits.policyBytes * 4) / 3 + 2048)
  })

  it('that is no HTTP is refused too', async () => {
    const { socketPath } = await serveExample()
    const socket = connect(socketPath)
    socket.write('hello\r\n\r\n')
    expect(String(await buffer(socket))).toMatch(/^HTTP\/1.1 400 [^]*application\/problem\+json[^]*"code":"USAGE"/)
  })

  it('of another media type is 415', async () => {
    const { socketPath } = await serveExample()
    expect(await raw(socketPath, 'POST', '/v1/find', 'query=a', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'USAGE' }
    })
  })
})

describe('the HTTP status', () => {
  it('of every code follows its exit code', () => {
    const codes = Object.keys(errorKinds).filter(isErrorCode)
    for (const code of codes) {
      const { exit } = errorKinds[code]
      expect([4, 5], code).toContain(classOf(code))
      if (exit === 2 || exit === 3) expect(classOf(code), code).toBe(4)
      if (exit === 5) expect(httpStatus(code), code).toBe(504)
    }
    expect([
      httpStatus('DENIED'),
      httpStatus('NOT_FOUND'),
      httpStatus('UNREACHABLE'),
      httpStatus('SHUTTING_DOWN')
    ]).toEqual([403, 404, 502, 503])
  })
})

describe('the socket', () => {
  it('is for its owner alone from its first moment, and gone with the server', async () => {
    const folder = await folderOf()
    const socketPath = join(folder, 'new', 'api.sock')
    const before = process.umask()
    const api = await startApi(exampleNode(), { socketPath, logger })
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'new'))).mode & 0o777).toBe(0o700)
    expect(process.umask()).toBe(before)
    await api.close()
    await expect(stat(join(folder, 'new'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('goes alone where its folder holds more', async () => {
    const folder = await folderOf()
    await writeFile(join(folder, 'state.json'), '{}')
    const api = await startApi(exampleNode(), { socketPath: join(folder, 'api.sock'), logger })
    await api.close()
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('that a dead process left is replaced', async () => {
    const socketPath = join(await folderOf(), 'api.sock')
    const dead = createServer().listen(socketPath)
    await once(dead, 'listening')
    // The file stays when its server closes by another name.
    await rename(socketPath, `${socketPath}.aside`)
    dead.close()
    await once(dead, 'close')
    await rename(`${socketPath}.aside`, socketPath)
    const api = await startApi(exampleNode(), { socketPath, logger })
    expect(await createClient({ socketPath }).network()).toEqual(exampleNetwork)
    await api.close()
  })

  it('on which a node answers is left alone', async () => {
    const { socketPath, client } = await serveExample()
    await expect(startApi(exampleNode(), { socketPath, logger })).rejects.toMatchObject({ code: 'STATE_LOCKED' })
    expect(await client.network()).toEqual(exampleNetwork)
  })

  it('never takes the place of another file', async () => {
    const socketPath = join(await folderOf(), 'api.sock')
    await writeFile(socketPath, 'precious')
    await expect(startApi(exampleNode(), { socketPath, logger })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(socketPath)
    })
    expect((await stat(socketPath)).size).toBe(8)
  })

  it('is not made in a folder to which others may write', async () => {
    const folder = join(await folderOf(), 'open')
    await mkdir(folder)
    await chmod(folder, 0o777)
    await expect(startApi(exampleNode(), { socketPath: join(folder, 'api.sock'), logger })).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining(folder)
    })
  })
})

describe('connections', () => {
  it('are as many as the limit says, and none at one past it', async () => {
    const { client, socketPath } = await serveExample()
    const sockets: Socket[] = []
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
    for (let opened = 0; opened < limits.apiConnections; opened++) {
      const socket = connect(socketPath)
      sockets.push(socket)
      await once(socket, 'connect')
    }
    await expect(client.network()).rejects.toMatchObject({
      code: 'NO_DAEMON',
      message: expect.stringContaining('hung up')
    })
    const [one] = sockets
    one?.destroy()
    await vi.waitFor(async () => expect(await client.network()).toEqual(exampleNetwork))
  })
})

describe('closing', () => {
  it('ends what is under way with SHUTTING_DOWN, and cuts connections that ask nothing', async () => {
    const { client, node, api, socketPath } = await serveExample()
    node.find.mockImplementation(
      (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        })
    )
    const found = expect(client.find({ query: 'a' })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    const idle = connect(socketPath)
    await once(idle, 'connect')
    await vi.waitFor(() => expect(node.find).toHaveBeenCalled())
    await api.close()
    await found
    idle.destroy()
    await expect(client.status()).rejects.toMatchObject({ code: 'NO_DAEMON' })
  })

  it('is asked for by shutdown, which is answered first', async () => {
    const { client, node, api } = await serveExample()
    node.stop.mockImplementation(() => api.close())
    expect(await client.shutdown()).toEqual({ pid: process.pid })
    await vi.waitFor(() => expect(node.stop).toHaveBeenCalledOnce())
    await vi.waitFor(() => expect(client.status()).rejects.toMatchObject({ code: 'NO_DAEMON' }))
  })
})
