import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

export interface BundleInit {
  /** Built modules that are run or imported from outside, by the name that each keeps. */
  entries: Record<string, string>
  out: string
  /** Packages that stay outside, with what they import. */
  external: readonly string[]
}

/** One package of others whose code is in a bundle. */
export interface BundledPackage {
  name: string
  version: string
  license: string
  /** What its files say about who may use it. */
  text: string
}

/**
 * Puts modules and all that they import into few files without comments. A node holds the source of each module that it has
 * loaded, and most of those are comments and blanks; and it has fewer files to find.
 * @returns what is inside, so that it can be named
 */
export const bundle = async ({ entries, out, external }: BundleInit): Promise<BundledPackage[]> => {
  const build = await rolldown({
    input: entries,
    platform: 'node',
    external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
    resolve: { conditionNames: ['node', 'import', 'default'] },
    onLog: (level, { message }) => {
      if (level === 'warn') process.stderr.write(`${message}\n`)
    }
  })
  const { output } = await build.write({
    dir: out,
    format: 'esm',
    // names stay as they are: whoever reports an error sends a trace that says something
    minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js'
  })
  await build.close()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  const folders = new Set(modules.flatMap((id) => folderOf(id) ?? []))
  const packages = await Promise.all([...folders].map(describe))
  return packages.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Of the package of others that a module belongs to. */
const folderOf = (id: string): string | undefined =>
  /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replace(/^\0/, ''))?.[0]

const describe = async (folder: string): Promise<BundledPackage> => {
  const manifest: { name: string; version: string; license?: string } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8')
  )
  const files = (await readdir(folder)).filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name)).toSorted()
  const texts = await Promise.all(files.map(async (name) => (await readFile(join(folder, name), 'utf8')).trim()))
  const { name, version, license = 'see its text' } = manifest
  return { name, version, license, text: texts.join('\n\n') }
}
