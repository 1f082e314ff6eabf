import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startAgent, type Agent, type AgentOptions } from '@agent-mesh/node'
import { createClient } from '@agent-mesh/client'
import { createFetch } from '@agent-mesh/client/undici'

const listen = ['/ip4/127.0.0.1/tcp/0']

let scratch = ''
const usual = process.env['TMPDIR']

// What is left behind is looked for in a folder that no other test writes to.
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'mesh-embedded-'))
  process.env['TMPDIR'] = scratch
})

afterAll(async () => {
  if (usual === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = usual
  await rm(scratch, { recursive: true, force: true })
})

const start = async (options: Omit<AgentOptions, 'listen'>): Promise<Agent> => {
  const agent = await startAgent({ listen, ...options })
  onTestFinished(agent.close)
  return agent
}

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'state-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const startPair = async (): Promise<{ alice: Agent; bob: Agent }> => {
  const alice = await start({ name: 'alice', isFounder: true })
  return { alice, bob: await start({ name: 'bob', ticket: await alice.invite() }) }
}

const leftovers = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => /^mesh-(?:agent|serve)-/.test(name)).toSorted()

describe('an agent inside of a program', () => {
  it('answers with functions, and is told who calls', async () => {
    const { alice, bob } = await startPair()
    await alice.serve('web', (request, response) => response.end(`hello, ${String(request.headers['mesh-peer-name'])}`))
    await alice.serve('loop', { onConnection: (socket) => socket.pipe(socket) })
    const fetch = createFetch(createClient({ socketPath: bob.socketPath }))
    expect(await (await fetch('http://web.alice.mesh/', { headers: { 'mesh-peer-name': 'forged' } })).text()).toBe(
      'hello, bob'
    )
    await fetch.close()
    const { tunnel, peerId, service } = await bob.connect('alice/loop')
    expect([peerId, service]).toEqual([alice.peerId, 'loop'])
    tunnel.end('there and back')
    expect(await text(tunnel)).toBe('there and back')
  })

  it('replaces a service by the same name, and offers it no longer where it is told so', async () => {
    const { alice, bob } = await startPair()
    const fetch = createFetch(createClient({ socketPath: bob.socketPath }))
    for (const word of ['first', 'second']) {
      await alice.serve('web', (_request, response) => response.setHeader('connection', 'close').end(word))
      expect(await (await fetch('http://web.alice.mesh/')).text()).toBe(word)
    }
    await alice.unserve('web')
    await expect(fetch('http://web.alice.mesh/')).rejects.toMatchObject({ code: 'SERVICE_UNKNOWN' })
    await expect(alice.unserve('web')).rejects.toMatchObject({ code: 'SERVICE_UNKNOWN' })
    await expect(alice.serve('web', 'nonsense')).rejects.toMatchObject({ code: 'SERVICE_INVALID' })
    await fetch.close()
  })

  it('publishes what it can do, and is found by it', async () => {
    const { alice, bob } = await startPair()
    await alice.serve('web', (_request, response) => response.end(), { capabilities: ['x-test/one'] })
    expect((await alice.publish('x-test/two', 'web')).publication.storedBy).toBeGreaterThan(0)
    const { candidates } = await bob.find('x-test/two')
    expect(candidates.map(({ peerId, service }) => [peerId, service])).toEqual([[alice.peerId, 'web']])
    await alice.unpublish('x-test/two')
  })

  it('gives up where its signal fires', async () => {
    const { alice, bob } = await startPair()
    const cancelled = { name: 'MeshError', code: 'CANCELLED' }
    await expect(bob.connect('nobody/web', { signal: AbortSignal.abort() })).rejects.toMatchObject(cancelled)
    await expect(alice.find('x-test/none', { signal: AbortSignal.abort() })).rejects.toMatchObject(cancelled)
  })

  it('closes twice, and leaves no folder behind', async () => {
    const before = await leftovers()
    const alice = await start({ name: 'alice', isFounder: true })
    await alice.serve('web', (_request, response) => response.end())
    expect((await leftovers()).length).toBe(before.length + 2)
    await Promise.all([alice.close(), alice.close()])
    expect(await leftovers()).toEqual(before)
  })
})

describe('the state of an agent', () => {
  it('is the agent: it comes back with its address, without the services that were functions', async () => {
    const stateDir = await newFolder()
    const first = await start({ name: 'alice', isFounder: true, stateDir })
    await first.serve('function', (_request, response) => response.end())
    await first.serve('address', 'http://127.0.0.1:1')
    const { peerId, network } = first
    await first.close()
    const again = await start({ name: 'another', stateDir })
    expect([again.peerId, again.network, again.name]).toEqual([peerId, network, 'alice'])
    expect(again.node.services().map(({ name }) => name)).toEqual(['address'])
  })

  it('may have a key that comes from outside', async () => {
    const keySeed = new Uint8Array(32).fill(7)
    const stateDir = await newFolder()
    const { peerId, close } = await start({ name: 'alice', isFounder: true, keySeed, stateDir })
    await close()
    expect((await start({ name: 'bob', isFounder: true, keySeed })).peerId).toBe(peerId)
    await expect(startAgent({ name: 'alice', stateDir, keySeed: new Uint8Array(32) })).rejects.toMatchObject({
      code: 'KEY_FOREIGN'
    })
    await expect(startAgent({ name: 'x', keySeed: new Uint8Array(31) })).rejects.toMatchObject({ code: 'KEY_DAMAGED' })
  })

  it('without a network is not started, and nothing of it is left', async () => {
    const before = await leftovers()
    await expect(startAgent({ name: 'bob', listen })).rejects.toMatchObject({ code: 'NO_NETWORK' })
    expect(await leftovers()).toEqual(before)
  })
})

it('is connected to somebody once it is started, and goes on alone where nobody is there', async () => {
  const stateDir = await newFolder()
  const alice = await start({ name: 'alice', isFounder: true })
  const bob = await start({ name: 'bob', ticket: await alice.invite(), stateDir })
  expect((await bob.node.peers()).map(({ name, state }) => `${name} ${state}`)).toEqual(['alice connected'])
  await bob.close()
  await alice.close()
  const startedMs = performance.now()
  const alone = await start({ name: 'bob', stateDir })
  expect((await alone.node.peers()).filter(({ state }) => state === 'connected')).toEqual([])
  expect(performance.now() - startedMs).toBeGreaterThan(2_900)
})

it('a handler that fails is a status for its caller and a warning for its program', async () => {
  const { alice, bob } = await startPair()
  await alice.serve('web', async (_request, response) => {
    await Promise.reject(new Error(`broken after ${response.statusCode}`))
  })
  const warned = once(process, 'warning')
  const fetch = createFetch(createClient({ socketPath: bob.socketPath }))
  expect((await fetch('http://web.alice.mesh/')).status).toBe(500)
  expect(String((await warned)[0])).toContain('broken after 200')
  await fetch.close()
})

it('a handler that is cut off is no defect of its program', async () => {
  const { alice, bob } = await startPair()
  const ended = Promise.withResolvers<void>()
  await alice.serve('loop', {
    onConnection: (socket) => {
      socket.once('close', () => ended.resolve()).resume()
      socket.write('x')
    }
  })
  const { tunnel } = await bob.connect('alice/loop')
  await once(tunnel, 'data')
  tunnel.on('error', () => {}).destroy()
  await ended.promise
})
