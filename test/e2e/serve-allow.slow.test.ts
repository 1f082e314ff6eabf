import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { serveResponse } from '@agent-mesh/wire/api'
import { createMesh, type Mesh } from './harness/mesh.ts'
import { echoBytes, startTcpOrigin, type TcpOrigin } from './harness/origins/tcp-origin.ts'
import { MeshProcess } from './harness/mesh-process.ts'

let mesh: Mesh<'alice' | 'bob' | 'carol'>
let alice: MeshProcess
let origin: TcpOrigin

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  ;({ alice } = mesh)
  origin = await startTcpOrigin('alice', echoBytes)
})

const connections = (): number => origin.open + origin.ends.length

/** What the service sends back, over one `nc`. */
const echoed = async (caller: MeshProcess): Promise<string> => {
  const { code, stdout, stderr } = await caller.run(['nc', 'alice', 'secret'], { input: 'hello' })
  expect(code, stderr).toBe(0)
  return stdout
}

const refused = async (caller: MeshProcess): Promise<string> => {
  const { code, stderr } = await caller.run(['nc', 'alice', 'secret'], { input: 'bytes that nobody may see' })
  expect(code, stderr).toBe(3)
  return stderr
}

describe('serve --allow', () => {
  it('opens the service to those it names and to nobody else, who hear which rule it was', async () => {
    const { service } = await alice.json(serveResponse, [
      'serve',
      `secret=tcp://127.0.0.1:${origin.port}`,
      '--allow',
      `bob,group:ops`
    ])
    expect(service).toMatchObject({ allow: ['bob', 'group:ops'], rule: 'serve --allow: bob, group:ops' })
    expect(await echoed(mesh.bob)).toBe('hello')
    const before = connections()
    const text = await refused(mesh.carol)
    expect(text).toContain(
      'Service "secret" is not open to this caller (allow: serve --allow names only bob, group:ops).'
    )
    expect(text).toContain('layer: policy (DENIED)')
    expect(connections(), 'the service has seen nothing of carol').toBe(before)
    expect(origin.receivedBytes).toBe('hello'.length)
  })

  it('says on the screen who may', async () => {
    expect((await alice.run(['status'])).stdout).toContain('serve --allow: bob, group:ops')
    const open = await alice.run(['serve', `open=tcp://127.0.0.1:${origin.port}`])
    expect(open.stdout).toContain('members may use what this node serves (no policy)')
    const { services } = await alice.status()
    expect(services.find(({ name }) => name === 'open')).not.toHaveProperty('allow')
  })

  it('cuts those that run and are no longer named, and leaves the others', async () => {
    const list = ['--replace', '--allow', 'bob', '--allow', mesh.carol.peerId]
    await alice.run(['serve', `secret=tcp://127.0.0.1:${origin.port}`, ...list])
    const running = await Promise.all(
      [mesh.bob, mesh.carol].map(async (caller) => {
        const { port } = await caller.forward('alice/secret')
        const socket = connect({ host: '127.0.0.1', port })
        socket.write('one')
        expect(String((await once(socket, 'data'))[0])).toBe('one')
        return socket
      })
    )
    const [bobs, carols] = running
    const cut = carols === undefined ? undefined : once(carols, 'error')
    await alice.run(['serve', `secret=tcp://127.0.0.1:${origin.port}`, '--replace', '--allow', 'bob'])
    expect(await cut).toMatchObject([{ code: 'ECONNRESET' }])
    bobs?.write('two')
    expect(String(bobs === undefined ? '' : (await once(bobs, 'data'))[0])).toBe('two')
    bobs?.destroy()
  })

  it('holds after --replace without a list and after a restart', async () => {
    await alice.run(['serve', `secret=tcp://127.0.0.1:${origin.port}`, '--replace'])
    await alice.stop()
    alice = await MeshProcess.up(alice.stateDir)
    await vi.waitFor(async () => expect(await echoed(mesh.bob)).toBe('hello'), { timeout: 20_000, interval: 500 })
    expect(await refused(mesh.carol)).toContain('serve --allow names only bob')
  })

  it('refuses what names nobody', async () => {
    const { code, stderr } = await alice.run(['serve', 'x=tcp://127.0.0.1:1', '--allow', 'Not A Name'])
    expect(code).toBe(2)
    expect(stderr).toContain('group:<name>')
  })
})
