/**
 * Many members of one mesh in a process of their own; the crowd of which they are a part runs in several of them.
 * Messages ask for more members, for a cut or for figures, and each is answered.
 */
import { createMesh, extendMesh, Traffic, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { MembersFigures, MembersRequest } from './members.ts'

const traffic = new Traffic()
traffic.start()
let mesh: TestMesh | undefined

/** Not by the list of its peers: each of those starts a program that reads every socket of the machine. */
const livingSeenBy = async ({ node }: MeshMember): Promise<number> => (await node.status()).health?.alive ?? 0

const carryOut = async (request: MembersRequest): Promise<void> => {
  if (request.is === 'add') {
    const { members, from } = request
    const isFirst = mesh === undefined && from === undefined
    mesh ??=
      from === undefined ? await createMesh(members.slice(0, 1).map(({ name }) => name)) : await extendMesh(from, [])
    for (const { name, capabilities = [] } of isFirst ? members.slice(1) : members)
      await mesh.add(name, { capabilities })
  }
  if (request.is === 'split') {
    for (const { name, peerId } of request.all) mesh?.partition.know(name, peerId)
    if (request.groups.length === 0) mesh?.partition.heal()
    else mesh?.partition.split(...request.groups)
  }
}

const answerTo = async (request: MembersRequest): Promise<MembersFigures> => {
  await carryOut(request)
  if (mesh === undefined) throw new Error('no members yet')
  const { members, rootKeyFile } = mesh
  const { user, system } = process.cpuUsage()
  return {
    from: { rootKeyFile, bootstrap: members[0]?.node.ready.addresses ?? [] },
    members: members.map(({ name, node: { ready } }) => ({ name, peerId: ready.peerId, api: ready.api })),
    fewestLiving: Math.min(...(await Promise.all(members.map(livingSeenBy)))),
    sentBytes: traffic.bytes,
    cpuSeconds: (user + system) / 1e6
  }
}

process.on('message', (request: MembersRequest) => {
  answerTo(request).then(
    (answer) => process.send?.(answer),
    (err: unknown) => process.send?.({ error: String(err) })
  )
})
const end = async (): Promise<void> => {
  await mesh?.close()
  process.exit(0)
}
process.on('disconnect', () => void end())
