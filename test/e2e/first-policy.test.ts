import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { makeScratchDir } from './harness/cleanup.ts'
import { rootDir, run } from './harness/command.ts'
import { createMesh, waitForPeers, type Mesh } from './harness/mesh.ts'
import { startHttpOrigin } from './harness/origins/http-origin.ts'

type Name = 'alice' | 'bob' | 'carol'

interface Block {
  name: Name
  isFailing: boolean
  script: string
  /** What a block right after it says that it prints. */
  prints: string | undefined
}

const guide = join(rootDir, 'docs/guides/first-policy.md')
const fence = /```(?<info>[^\n]*)\n(?<body>[\s\S]*?)```/g

const isName = (text: string | undefined): text is Name => text === 'alice' || text === 'bob' || text === 'carol'

/** Reads the commands of the guide, each with the node on which a reader types it. */
const blocksOf = (markdown: string): Block[] => {
  const blocks: Block[] = []
  for (const { groups } of markdown.matchAll(fence)) {
    const [language, name, flag] = groups?.['info']?.split(' ') ?? []
    const body = groups?.['body'] ?? ''
    const last = blocks.at(-1)
    if (language === 'text' && last !== undefined) last.prints = body.trim()
    if (language !== 'sh') continue
    if (!isName(name)) throw new Error(`A block of the guide names no node: ${body}`)
    blocks.push({ name, isFailing: flag === 'fails', script: body, prints: undefined })
  }
  return blocks
}

const blocks = blocksOf(await readFile(guide, 'utf8'))
let mesh: Mesh<Name>
let port = ''
const folders: Partial<Record<Name, string>> = {}

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  await waitForPeers([mesh.alice], 2)
  const origin = await startHttpOrigin('alice-web')
  port = new URL(origin.url).port
  for (const name of ['alice', 'bob', 'carol'] as const) folders[name] = await makeScratchDir(name)
})

/** The newest version that anybody holds is the one that all hold. */
const converged = async (): Promise<void> =>
  vi.waitFor(
    async () => {
      const held = await Promise.all(
        [mesh.alice, mesh.bob, mesh.carol].map(async ({ client }) => client.policyStatus())
      )
      expect(new Set(held.map(({ version }) => version)).size).toBe(1)
    },
    { timeout: 10_000, interval: 100 }
  )

describe('the guide "Write your first policy"', () => {
  it('has commands for every node', () => {
    expect(new Set(blocks.map(({ name }) => name))).toEqual(new Set(['alice', 'bob', 'carol']))
    expect(blocks.filter(({ isFailing }) => isFailing).length).toBeGreaterThan(1)
    expect(blocks.some(({ prints }) => prints !== undefined)).toBe(true)
  })

  it.each(
    blocks.map((block, index) => ({
      ...block,
      title: `${index + 1}, ${block.name}: ${block.script.split('\n', 1)[0]}`
    }))
  )('$title', async ({ name, isFailing, script, prints }) => {
    await converged()
    const { code, stdout, stderr } = await run(
      'bash',
      ['-euo', 'pipefail', '-c', script.replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`)],
      { stateDir: mesh[name].stateDir, cwd: folders[name] ?? '' }
    )
    expect(code === 0, stdout + stderr).toBe(!isFailing)
    if (prints !== undefined) expect(stdout + stderr).toContain(prints)
  })
})
