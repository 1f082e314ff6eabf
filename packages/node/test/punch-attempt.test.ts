import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isRelayed, pathClassOf } from '@agent-mesh/control-plane'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { punchAttempt } from '../src/daemon/punch-attempt.ts'
import type { Connection } from '@libp2p/interface'

let mesh: TestMesh

beforeAll(async () => {
  mesh = await createMesh(['hub', 'alice', 'bob'])
})
afterAll(async () => mesh.close())

const memberOf = (name: string): MeshMember => {
  const member = mesh.members.find((one) => one.name === name)
  if (member === undefined) throw new Error(`there is no ${name}`)
  return member
}

const punched = (member: MeshMember, other: MeshMember): Connection[] =>
  member
    .host()
    .services.admission.connections(other.host().peerId)
    .filter((connection) => pathClassOf(connection) === 'punched')

describe('a punch between members', () => {
  it('makes an admitted connection with TLS on its own socket, which is shown as what it is', async () => {
    const [alice, bob] = [memberOf('alice'), memberOf('bob')]
    const signal = AbortSignal.timeout(15_000)
    await vi.waitFor(async () => alice.node.dial({ target: 'bob' }, { signal }), 10_000)
    const { admission, punch } = alice.host().services
    const connection = await punchAttempt({ admission, punch })(bob.host().peerId, signal)
    expect(connection).toMatchObject({ direction: 'outbound', encryption: '/tls/1.0.0', status: 'open' })
    expect(isRelayed(connection.remoteAddr)).toBe(false)
    await vi.waitFor(() => expect(punched(bob, alice)).toMatchObject([{ direction: 'inbound' }]), 5_000)
    expect(punched(alice, bob)).toEqual([connection])
  })

  it('needs a connection on which both agree', async () => {
    const { admission, punch } = memberOf('alice').host().services
    const { peerId } = memberOf('alice').host()
    await expect(punchAttempt({ admission, punch })(peerId, AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: 'PUNCH_FAILED'
    })
  })
})
