import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import type { ImportEdge, SourceFile } from './source-file.ts'

/** A package of this workspace, as its manifest says. */
export interface WorkspacePackage {
  /** `@agent-mesh/wire`. */
  name: string
  /** `packages/wire`. */
  folder: string
  /** Those included that whoever installs it has to bring. */
  dependencies: readonly string[]
  devDependencies: readonly string[]
}

export interface Violation {
  where: string
  what: string
  reason: string
}

interface Layer {
  /** Packages of this workspace that it may import. */
  mayImport: readonly string[]
  reason: string
}

const scope = '@agent-mesh/'

/** The table of the two planes, by folder. A package that is not in it may import none of the others. */
export const layers: Readonly<Record<string, Layer>> = {
  'packages/wire': { mayImport: [], reason: 'wire is bytes: everything stands on it, so it stands on nothing' },
  'packages/identity': { mayImport: ['wire'], reason: 'who is who must be decidable without a network' },
  'packages/control-plane': {
    mayImport: ['wire', 'identity'],
    reason: 'the control plane decides; routing and policy change without touching a running stream'
  },
  'packages/slabs': { mayImport: [], reason: 'memory that sockets read into knows nothing of what the bytes mean' },
  'packages/data-plane': {
    mayImport: ['wire', 'identity', 'slabs'],
    reason: 'the data plane moves bytes; what it needs to ask, it asks through interfaces that node fills in'
  },
  'packages/connection-encrypter-tls': {
    mayImport: ['slabs'],
    reason: 'a module of libp2p knows nothing of the mesh; any js-libp2p host may use it'
  },
  'packages/transport-tcp-punch': {
    mayImport: ['wire'],
    reason: 'a module of libp2p opens connections; whom to reach and why is decided above it'
  },
  'packages/node': {
    mayImport: [
      'wire',
      'identity',
      'slabs',
      'control-plane',
      'data-plane',
      'connection-encrypter-tls',
      'transport-tcp-punch'
    ],
    reason: 'node is the one place where the planes meet; it does not know who calls its local API'
  },
  'packages/client': {
    mayImport: ['wire'],
    reason: 'a program that talks to a node must not load a node'
  },
  'packages/testkit': {
    mayImport: ['wire', 'identity', 'control-plane', 'data-plane', 'node'],
    reason: 'testkit builds meshes for tests; it never talks through the local API'
  },
  'apps/mesh-node': {
    mayImport: ['wire', 'identity', 'client', 'node'],
    reason: 'an app starts a node or talks to one; what thinks lives in the packages'
  },
  examples: {
    mayImport: ['client', 'node'],
    reason: 'an example shows what a program of somebody else can do: it has the documented entries and nothing else'
  },
  'apps/bench': {
    mayImport: ['wire', 'identity', 'testkit'],
    reason: 'the bench measures the command as it is installed, from outside, and pure cores by themselves'
  }
}

interface Ban {
  /** Folders that the ban holds for; the others are free. */
  folders: (folder: string) => boolean
  bans: (specifier: string) => boolean
  /** The one exception: what this folder imports of it all the same. */
  mayStill?: { folder: string; import: string }
  reason: string
}

const within =
  (...names: string[]) =>
  (specifier: string): boolean =>
    names.some((name) => specifier === name || specifier.startsWith(`${name}/`))

const ioModules = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'inspector',
  'net',
  'process',
  'readline',
  'repl',
  'tls',
  'tty',
  'v8',
  'vm',
  'wasi',
  'worker_threads'
]
const isIo = (specifier: string): boolean => within(...ioModules)(specifier.replace(/^node:/, ''))

/** What a folder must not import from outside the workspace. */
const bans: readonly Ban[] = [
  {
    folders: (folder) => folder === 'packages/wire',
    bans: (specifier) => specifier === 'libp2p' || specifier.startsWith('@libp2p/'),
    reason: 'wire is pure: its bytes do not depend on the library that carries them'
  },
  {
    folders: (folder) => folder === 'packages/wire',
    bans: isIo,
    reason: 'wire is pure: the same bytes in give the same result, with no file, socket or process in between'
  },
  {
    folders: (folder) => folder === 'packages/data-plane',
    bans: within('@libp2p/kad-dht', '@libp2p/gossipsub'),
    reason: 'finding and gossiping is the control plane; the data plane must go on when that is hung'
  },
  {
    folders: (folder) => folder !== 'packages/node' && folder !== 'packages/testkit',
    bans: within('libp2p'),
    reason: 'only node and testkit create a libp2p host, so that one place decides what is bound and who is let in'
  },
  {
    folders: (folder) => folder !== 'packages/testkit',
    bans: within(`${scope}testkit`),
    mayStill: { folder: 'apps/bench', import: `${scope}testkit/lab` },
    reason: 'testkit is for tests; shipped code must not carry adversaries and virtual clocks'
  },
  {
    folders: (folder) => folder === 'packages/client' || folder.startsWith('apps/'),
    bans: (specifier) => specifier.startsWith('@libp2p/'),
    reason: 'libp2p stays behind our own packages; the command and its client speak the local API'
  }
]

const packageNameOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Examples are programs by themselves: all that is in their folder is source. */
const isSourceOf = ({ folder }: WorkspacePackage, { path }: SourceFile): boolean =>
  path.startsWith(folder === 'examples' ? 'examples/' : `${folder}/src/`)

const checkRelative = (file: SourceFile, home: WorkspacePackage, { specifier }: ImportEdge): string | undefined => {
  const target = posix.join(posix.dirname(file.path), specifier)
  return target.startsWith(`${home.folder}/`) ? undefined : `reaches ${target} by a relative path`
}

const checkDeclared = (file: SourceFile, home: WorkspacePackage, { specifier }: ImportEdge): string | undefined => {
  const name = packageNameOf(specifier)
  if (isBuiltin(specifier))
    return specifier.startsWith('node:') ? undefined : `names the builtin ${specifier} without node:`
  if (home.dependencies.includes(name)) return undefined
  const isTest = !isSourceOf(home, file)
  if (isTest && (name === home.name || home.devDependencies.includes(name) || name === 'vitest')) return undefined
  return home.devDependencies.includes(name)
    ? `imports ${name}, which is a devDependency only`
    : `imports ${name}, which its package.json does not declare`
}

const checkLayer = (home: WorkspacePackage, { specifier }: ImportEdge): Violation | undefined => {
  const where = ''
  const name = packageNameOf(specifier)
  if (name.startsWith(scope)) {
    const layer = layers[home.folder]
    const isAllowed = layer?.mayImport.includes(name.slice(scope.length)) ?? false
    if (!isAllowed) {
      return {
        where,
        what: `imports ${name}`,
        reason: layer?.reason ?? `${home.folder} has no row in the table of layers`
      }
    }
  }
  const isExcepted = ({ mayStill }: Ban): boolean => mayStill?.folder === home.folder && mayStill.import === specifier
  const ban = bans.find((one) => one.folders(home.folder) && one.bans(specifier) && !isExcepted(one))
  return ban === undefined ? undefined : { where, what: `imports ${specifier}`, reason: ban.reason }
}

/** Checks every import of a source file against the table of layers and the manifest of its package. */
export const checkImports = (file: SourceFile, home: WorkspacePackage): Violation[] =>
  file.imports.flatMap((edge) => {
    const where = `${file.path}:${edge.line}`
    if (edge.specifier.startsWith('.')) {
      const what = checkRelative(file, home, edge)
      return what === undefined
        ? []
        : [{ where, what, reason: 'a package is entered by its exports, or its inside can never change' }]
    }
    const isSource = isSourceOf(home, file)
    const broken = isSource ? checkLayer(home, edge) : undefined
    if (broken !== undefined) return [{ ...broken, where }]
    const what = checkDeclared(file, home, edge)
    return what === undefined
      ? []
      : [{ where, what, reason: 'what is not declared is missing where the package is installed alone' }]
  })
