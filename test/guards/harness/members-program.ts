/**
 * Many members of one mesh in a process of their own; the crowd of which they are a part runs in several of them.
 * Messages ask for more members or for figures, and each is answered.
 */
import { extendMesh, createMesh, Traffic, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { MembersFigures, MembersRequest } from './members.ts'

const traffic = new Traffic()
traffic.start()
let mesh: TestMesh | undefined

const livingSeenBy = async ({ node }: MeshMember): Promise<number> =>
  (await node.peers()).filter(({ health }) => health?.state === 'alive').length

const answerTo = async (request: MembersRequest): Promise<MembersFigures> => {
  if ('names' in request) {
    const [first = '', ...others] = request.names
    if (mesh === undefined)
      mesh = request.from === undefined ? await createMesh([first]) : await extendMesh(request.from, [first])
    else await mesh.add(first)
    for (const name of others) await mesh.add(name)
  }
  if (mesh === undefined) throw new Error('no members yet')
  const { members, rootKeyFile } = mesh
  const { user, system } = process.cpuUsage()
  return {
    from: { rootKeyFile, bootstrap: members[0]?.node.ready.addresses ?? [] },
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
