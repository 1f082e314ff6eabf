import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { removeLeftovers } from '../../src/state/leftovers.ts'

it('what killed writes left behind is removed, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-leftovers-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const kept = ['identity.key', 'notes.tmp', 'state.json', 'state.json.0123abcd.tmp.bak', 'version.89abcdef.tmp']
  for (const name of [...kept, 'identity.key.0123abcd.tmp', 'state.json.ffffffff.tmp'])
    await writeFile(join(folder, name), '')
  await removeLeftovers(folder)
  expect((await readdir(folder)).toSorted()).toEqual(kept.toSorted())
})
