import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { renderPages } from '../../scripts/docs/pages.ts'

const folder = new URL('../../docs/reference/', import.meta.url)

describe('docs/reference', () => {
  it('says what the code says; npm run docs writes it anew', async () => {
    for (const [name, page] of await renderPages()) {
      expect(await readFile(new URL(name, folder), 'utf8'), name).toBe(page)
    }
  })

  it('has no page that no code stands behind', async () => {
    const pages = (await readdir(folder)).filter((name) => name.endsWith('.md'))
    expect(pages.toSorted()).toEqual([...(await renderPages()).keys()].toSorted())
  })
})
