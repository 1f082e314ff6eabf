/**
 * Makes `mesh-node-<version>.tgz`, which plain npm installs: the command with all that it imports in few files, and what
 * cannot be inside of them as a dependency of an exact version.
 *
 *   npm run pack                   into the root of the repository
 *   npm run pack -- --out FOLDER
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { bundle, type BundledPackage } from './bundle.ts'

const runFile = promisify(execFile)
const rootDir = join(import.meta.dirname, '..')
const scope = '@agent-mesh/'

type Exports = Record<string, Record<string, string>>

interface Manifest {
  name: string
  version: string
  description: string
  license: string
  engines: Record<string, string>
  bin?: Record<string, string>
  exports?: Exports
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/**
 * Packages that travel inside the app as well, without the dependencies that are named here: for those, npm would bring
 * several hundred packages that only a phone runs.
 */
const unwanted: Record<string, string[]> = { '@libp2p/webrtc': ['react-native-webrtc'] }

interface Workspace {
  folder: string
  manifest: Manifest
}

const readManifest = async (folder: string): Promise<Manifest> => {
  const manifest: Manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  return manifest
}

/** The app and every package of ours below it, once each. */
const collect = async (folder: string, found = new Map<string, Workspace>()): Promise<Map<string, Workspace>> => {
  const manifest = await readManifest(folder)
  if (found.has(manifest.name)) return found
  found.set(manifest.name, { folder, manifest })
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (dependency.startsWith(scope)) await collect(join(rootDir, 'packages', dependency.slice(scope.length)), found)
  }
  return found
}

type Versions = Record<string, string>

const note = (versions: Versions, name: string, version: string): void => {
  const other = versions[name]
  if (other !== undefined && other !== version) throw new Error(`${name} is used as ${other} and as ${version}`)
  versions[name] = version
}

/** Exact versions of the third-party packages, as they are installed and tested here. */
const thirdParty = async (workspaces: Iterable<Workspace>): Promise<Versions> => {
  const versions: Versions = {}
  for (const { folder, manifest } of workspaces) {
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      if (dependency.startsWith(scope)) continue
      const { version } = await readManifest(join(folder, 'node_modules', dependency))
      note(versions, dependency, version)
    }
  }
  return Object.fromEntries(Object.entries(versions).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const isRuntime = (path: string): boolean => !/\.(?:tsbuildinfo|d\.ts|map|min\.js)$/.test(path)

const writeManifest = async (folder: string, manifest: object): Promise<void> =>
  writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)

/**
 * A package of others without what nobody needs of it. What it depends on besides is noted, in the versions that were
 * tested with it: npm looks at no package that is inside another.
 */
const stageStripped = async (folder: string, versions: Versions, to: string): Promise<void> => {
  const { name, version, description, license, exports, ...manifest } = await readManifest(folder)
  const beside = join(folder, ...name.split('/').map(() => '..'))
  const dependencies: Versions = {}
  for (const needed of Object.keys(manifest.dependencies ?? {}))
    if (!(unwanted[name] ?? []).includes(needed))
      note(dependencies, needed, (await readManifest(join(beside, needed))).version)
  await cp(join(folder, 'dist'), join(to, 'dist'), { recursive: true, filter: isRuntime })
  await writeManifest(to, { name, version, description, license, type: 'module', exports, dependencies })
  for (const entry of Object.entries({ [name]: version, ...dependencies })) note(versions, ...entry)
}

/** What our packages use where it is there, stripped and put beside them. */
const stageOptional = async (own: Workspace[], versions: Versions, to: string): Promise<string[]> => {
  const names = own.flatMap(({ folder, manifest }) =>
    Object.keys(manifest.optionalDependencies ?? {}).map((name) => ({ name, folder }))
  )
  for (const { name, folder } of names)
    await stageStripped(await realpath(join(folder, 'node_modules', name)), versions, join(to, 'node_modules', name))
  return names.map(({ name }) => name)
}

/** Starts threads from its own files. */
const outside = ['pino']

const licensesText = (packages: BundledPackage[]): string =>
  packages
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}`)
    .join(`\n\n${'-'.repeat(80)}\n\n`)

const stageApp = async (app: Workspace, own: Workspace[], versions: Versions, to: string): Promise<void> => {
  const { name, version, description, license, engines, bin } = app.manifest
  const dependencies = Object.fromEntries(Object.entries(versions).filter(([one]) => outside.includes(one)))
  const optional = await stageOptional(own, dependencies, to)
  const built = (module: string): string => join(app.folder, 'dist', `${module}.js`)
  await stat(built('main')).catch(() => {
    throw new Error(`${name} is not built: npm run setup`)
  })
  const packages = await bundle({
    entries: { main: built('main'), 'young-generation': built('young-generation') },
    out: join(to, 'dist'),
    external: [...outside, ...optional]
  })
  await writeFile(join(to, 'THIRD-PARTY-LICENSES'), `${licensesText(packages)}\n`)
  await cp(join(app.folder, 'bin'), join(to, 'bin'), { recursive: true })
  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE', 'LICENSE-APACHE', 'LICENSE-MIT'])
    await cp(join(rootDir, file), join(to, file))
  await writeManifest(to, {
    name,
    version,
    description,
    license,
    type: 'module',
    engines,
    bin,
    files: ['bin', 'dist', 'CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'THIRD-PARTY-LICENSES'],
    dependencies,
    bundleDependencies: optional
  })
}

/** What a registry or a consumer would trip over: files that are named and missing, exports that do not resolve. */
const lint = async (folder: string): Promise<void> => {
  const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true })
  if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'))
}

const pack = async (out: string): Promise<string> => {
  const workspaces = await collect(join(rootDir, 'apps/mesh-node'))
  const [app, ...own] = workspaces.values()
  if (app === undefined) throw new Error('there is no app')
  const stage = await mkdtemp(join(tmpdir(), 'mesh-pack-'))
  try {
    await stageApp(app, own, await thirdParty(workspaces.values()), stage)
    await lint(stage)
    await mkdir(out, { recursive: true })
    await runFile('npm', ['pack', '--silent', '--pack-destination', out], { cwd: stage })
    return join(out, `${app.manifest.name}-${app.manifest.version}.tgz`)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

const { values } = parseArgs({ options: { out: { type: 'string', default: rootDir } } })
const file = await pack(resolve(values.out))
const { size } = await stat(file)
process.stdout.write(`${file} (${(size / 1024).toFixed(0)} KiB)\nnpm install ${file}\n`)
