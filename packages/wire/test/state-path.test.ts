import { describe, expect, it } from 'vitest'
import { shortSocketPath, socketPathOf, stateDirOf } from '../src/state-path.ts'

const around = { env: {}, platform: 'linux', temporary: '/tmp', readLink: () => undefined }
const long = `/srv/${'x'.repeat(120)}`

describe('the state directory', () => {
  it.each([
    [{ MESH_STATE_DIR: '/srv/a', XDG_STATE_HOME: '/xdg' }, '/srv/a'],
    [{ MESH_STATE_DIR: '', XDG_STATE_HOME: '/xdg' }, '/xdg/mesh-node/default'],
    [{ XDG_STATE_HOME: '' }, '/h/.local/state/mesh-node/default']
  ])('with %j is %s', (env, path) => {
    expect(stateDirOf({ env, home: '/h' })).toBe(path)
  })
})

describe('its socket', () => {
  it('is inside of it where its path is short enough', () => {
    expect(socketPathOf('/srv/a', around)).toBe('/srv/a/api.sock')
    expect(socketPathOf(`/${'x'.repeat(90)}`, around)).toHaveLength(100)
    expect(socketPathOf(`/${'x'.repeat(91)}`, around)).toMatch(/^\/tmp\/mesh-node-[0-9a-f]{16}\/api\.sock$/)
  })

  it('is elsewhere where it is not: where the link says, else for the user, else for all', () => {
    expect(socketPathOf(long, { ...around, readLink: () => '/run/x/api.sock' })).toBe('/run/x/api.sock')
    expect(shortSocketPath(long, { ...around, env: { XDG_RUNTIME_DIR: '/run/user/1' } })).toMatch(/^\/run\/user\/1\//)
    expect(shortSocketPath(long, { ...around, temporary: long })).toMatch(/^\/tmp\/mesh-node-/)
  })

  it('is a pipe on Windows', () => {
    expect(socketPathOf('/srv/a', { ...around, platform: 'win32' })).toMatch(/^\\\\\.\\pipe\\mesh-node-[0-9a-f]{16}$/)
  })
})
