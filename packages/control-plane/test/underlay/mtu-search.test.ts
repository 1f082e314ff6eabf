import { expect, it } from 'vitest'
import { searchMtu } from '../../src/underlay/mtu-search.ts'

const path =
  (mtu: number, asked: number[] = []) =>
  async (bytes: number): Promise<boolean> => {
    asked.push(bytes)
    return bytes <= mtu
  }

it.each([576, 577, 1_280, 1_420, 1_499, 1_500])('finds a path of %d bytes to the byte, by few sizes', async (mtu) => {
  const asked: number[] = []
  expect(await searchMtu(576, 1_500, path(mtu, asked))).toBe(mtu)
  expect(asked.length).toBeLessThan(13)
})

it('says nothing of a path on which the least does not pass', async () => {
  expect(await searchMtu(576, 1_500, path(575))).toBeUndefined()
})

it('asks once where the link itself is the narrowest part', async () => {
  const asked: number[] = []
  await searchMtu(576, 1_500, path(9_000, asked))
  expect(asked).toEqual([1_500])
})
