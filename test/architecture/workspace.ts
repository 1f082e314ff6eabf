import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { parseSource, type SourceFile } from './source-file.ts'
import type { WorkspacePackage } from './import-rules.ts'

/** Root of the repository. */
export const rootDir = join(import.meta.dirname, '../..')

const foreign = new Set(['node_modules', 'dist', '.git', 'coverage', '.state'])

/** Every file under a folder that belongs to the project, as paths from the root with `/`. */
export const listFiles = (folder: string): string[] => {
  const entries = readdirSync(join(rootDir, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    if (foreign.has(entry.name)) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : []
  })
}

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const readPackage = (folder: string): WorkspacePackage => {
  const manifest: Manifest = JSON.parse(readFileSync(join(rootDir, folder, 'package.json'), 'utf8'))
  return {
    name: manifest.name,
    folder,
    dependencies: Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies
    }),
    devDependencies: Object.keys(manifest.devDependencies ?? {})
  }
}

/** The packages, apps and examples of the workspace. */
export const listPackages = (): WorkspacePackage[] => [
  ...['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(rootDir, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => readPackage(`${parent}/${name}`))
  ),
  readPackage('examples')
]

/** Every TypeScript file under a folder, parsed. */
export const parseFolder = (folder: string): SourceFile[] =>
  listFiles(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) =>
      parseSource(
        relative(rootDir, join(rootDir, path)).split(sep).join('/'),
        readFileSync(join(rootDir, path), 'utf8')
      )
    )
