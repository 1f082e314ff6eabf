import { createServer } from 'node:http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { join } from 'node:path'
import { meshNodeBin, rootDir, run } from './harness/command.ts'
import { listenLocally } from './harness/local-server.ts'
import { createMesh } from './harness/mesh.ts'
import { testWith } from './harness/program.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

let alice: MeshProcess
let bob: MeshProcess

/** A server that answers with the fields of the request that say who calls. */
const startMirror = async (): Promise<number> =>
  listenLocally(
    createServer((request, response) => {
      const fields = Object.entries(request.headers).filter(([name]) => name.startsWith('mesh') || name === 'forwarded')
      response.end(JSON.stringify(Object.fromEntries(fields)))
    })
  )

beforeAll(async () => {
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'] }))
})

describe('a web server behind an agent', () => {
  testWith('curl')('is told by whom it is called, whatever curl says', async () => {
    await alice.serve(`mirror=http://127.0.0.1:${await startMirror()}`)
    const { port } = await bob.forward('alice/mirror')
    const forged = ['Mesh-Peer-Id: forged', 'Mesh_Peer_Name: forged', 'Forwarded: for=forged', 'Mesh-X: forged']
    const { stdout } = await run('curl', [
      '-sS',
      ...forged.flatMap((line) => ['-H', line]),
      `http://127.0.0.1:${port}/`,
      `http://127.0.0.1:${port}/again`
    ])
    const told = {
      'mesh-peer-id': bob.peerId,
      'mesh-peer-name': 'bob',
      'mesh-peer-groups': '',
      forwarded: `for=_${bob.peerId};by=_${alice.peerId};proto=http`
    }
    expect(stdout).toBe(`${JSON.stringify(told)}${JSON.stringify(told)}`)
  })
})

/** One session of the official client. */
const useNotes = async (): Promise<{ tools: string[]; answer: string }> => {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [meshNodeBin, 'nc', 'alice', 'notes'],
      env: { MESH_STATE_DIR: bob.stateDir }
    })
  )
  const { tools } = await client.listTools()
  const { content } = await client.callTool({ name: 'reverse', arguments: { text: 'hsem' } })
  await client.close()
  return { tools: tools.map(({ name }) => name), answer: JSON.stringify(content) }
}

describe('an MCP server behind an agent', () => {
  it('is used by the official client through mesh-node nc, a process for each', async () => {
    const server = join(rootDir, 'test/e2e/harness/origins/mcp-server.ts')
    await alice.serve(`notes=stdio:${process.execPath} --conditions=source ${server}`)
    const [first, second] = await Promise.all([useNotes(), useNotes()])
    expect(first.tools).toEqual(['reverse'])
    expect(first.answer).toContain('mesh for bob, process ')
    expect(second.answer).toContain('mesh for bob, process ')
    expect(first.answer).not.toBe(second.answer)
    const running = async (): Promise<number> => (await alice.status()).tunnels.open
    await expect.poll(running, { timeout: 10_000 }).toBe(0)
  })

  it('whose program ends badly is not taken for one that has said everything', async () => {
    await alice.serve('broken=stdio:node -e process.exit(7)')
    const { code, stdout, stderr } = await bob.run(['nc', 'alice', 'broken'], { input: '' })
    expect(stdout).toBe('')
    expect(code).toBe(1)
    expect(stderr).toContain('UPSTREAM_EXITED')
  })
})
