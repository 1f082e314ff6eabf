import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { inviteResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from './harness/cleanup.ts'
import { rootDir, run, type RunResult } from './harness/command.ts'
import { createMesh } from './harness/mesh.ts'
import { startGrpcOrigin } from './harness/origins/grpc-origin.ts'
import { startHttpOrigin } from './harness/origins/http-origin.ts'
import { echoBytes, startTcpOrigin } from './harness/origins/tcp-origin.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

const guide = await readFile(join(rootDir, 'docs/guides/programs.md'), 'utf8')
const fence = /```(?<info>[^\n]*)\n(?<body>[\s\S]*?)```/g

interface Snippet {
  language: string
  code: string
  /** What the guide says that it prints. */
  prints: string[]
}

const snippets: Snippet[] = []
for (const { groups } of guide.matchAll(fence)) {
  const language = groups?.['info']?.split(' ')[0] ?? ''
  const code = groups?.['body'] ?? ''
  if (language === 'text') snippets.at(-1)?.prints.push(...code.trim().split('\n'))
  else snippets.push({ language, code, prints: [] })
}

let scratch = ''
let alice: MeshProcess
let bob: MeshProcess

beforeAll(async () => {
  scratch = await makeScratchDir('guide')
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'] }))
  const { port } = await startHttpOrigin('hello from alice')
  await alice.serve(`web=http://127.0.0.1:${port}`, 'language_processing/translation')
  await alice.serve(`words=grpc://127.0.0.1:${(await startGrpcOrigin('words')).port}`)
  await alice.serve(`echo=tcp://127.0.0.1:${(await startTcpOrigin('echo', echoBytes)).port}`)
})

/** As a reader runs it who has the packages installed. */
const runProgram = async (code: string): Promise<RunResult> => {
  const { ticket } = await alice.json(inviteResponse, ['invite'])
  return run(process.execPath, ['--input-type=module-typescript', '--eval', code], {
    cwd: join(rootDir, 'examples'),
    stateDir: bob.stateDir,
    env: { TICKET: ticket, TMPDIR: scratch }
  })
}

describe('the guide "Agents from your own program"', () => {
  it('has programs, and says what they print', () => {
    expect(snippets.filter(({ language }) => language === 'ts').length).toBeGreaterThan(5)
    expect(snippets.filter(({ language, prints }) => language === 'ts' && prints.length === 0)).toEqual([])
  })

  it.each(snippets.map((snippet, index) => ({ ...snippet, title: `${index + 1}: ${snippet.code.split('\n', 1)[0]}` })))(
    '$title',
    async ({ language, code, prints }) => {
      const result =
        language === 'sh' ? await run('bash', ['-euc', code], { stateDir: bob.stateDir }) : await runProgram(code)
      expect(`${result.code} ${language === 'sh' ? '' : result.stderr}`, result.stderr).toBe('0 ')
      for (const line of prints) expect(result.stdout).toContain(line)
    }
  )
})
