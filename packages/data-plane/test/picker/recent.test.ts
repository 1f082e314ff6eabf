import { expect, it } from 'vitest'
import { MeshError, parseTarget } from '@agent-mesh/wire'
import { RecentCandidates } from '../../src/picker/recent.ts'

it('what was ranked a moment ago stands for whoever takes that, and failures never do', async () => {
  let nowMs = 0
  let asked = 0
  const recent = new RecentCandidates(
    {
      resolve: async (target) => {
        asked += 1
        if (target.kind === 'name') throw new MeshError('NAME_UNKNOWN')
        return []
      }
    },
    () => nowMs
  )
  const { signal } = new AbortController()
  const one = parseTarget('cap:a/b')
  await recent.resolve(one, { signal, maxAgeMs: 100 })
  await recent.resolve(one, { signal, maxAgeMs: 100 })
  expect(asked).toBe(1)
  await recent.resolve(one, { signal, maxAgeMs: 0 })
  await recent.resolve(parseTarget('cap:a/c'), { signal, maxAgeMs: 100 })
  expect(asked).toBe(3)
  nowMs += 100
  await recent.resolve(one, { signal, maxAgeMs: 100 })
  expect(asked).toBe(4)
  for (let i = 0; i < 2; i++)
    await expect(recent.resolve(parseTarget('nobody'), { signal, maxAgeMs: 100 })).rejects.toThrow()
  expect(asked).toBe(6)
})
