import { constants, readlinkSync } from 'node:fs'
import { access, chmod, mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { MeshError } from '@agent-mesh/wire/errors'
import { fitsSocket, shortSocketPath, socketPathOf, stateDirOf } from '@agent-mesh/wire/state-path'

/** Where a node keeps its keys, certificates and settings, and where its local API listens. */
export interface StateDir {
  /** Absolute. */
  path: string
  /** Short enough for a unix socket, whatever the length of `path`. */
  readonly socketPath: string
}

/** Version of the layout that this code reads and writes. */
const layoutVersion = 1

/** Steps that turn a directory of version n, the key, into one of version n + 1. */
const layoutMigrations: Migrations = new Map()

export type Migrations = ReadonlyMap<number, (path: string) => Promise<void>>

/** `MESH_STATE_DIR`, else `mesh-node/default` where XDG keeps state. */
export const defaultStateDir = (env: NodeJS.ProcessEnv): string => stateDirOf({ env, home: homedir() })

/** The directory and its socket, without a look at what is in it: enough to talk to a node that runs. */
export const locateStateDir = (path: string): StateDir => {
  const absolute = resolve(path)
  return { path: absolute, socketPath: socketPathOf(absolute, surroundings()) }
}

/**
 * Creates the directory with mode 0700 where there is none, and brings its layout up to date.
 * @throws MeshError STATE_NEWER, STATE_DAMAGED, STATE_UNREADABLE, each naming the path
 */
export const openStateDir = async (path: string): Promise<StateDir> => {
  const absolute = resolve(path)
  await secureDirectory(absolute)
  await bringUpToDate(absolute, layoutVersion, layoutMigrations)
  await rememberSocketPath(absolute)
  return locateStateDir(absolute)
}

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

const unreadable = (message: string, hint?: string, cause?: unknown): MeshError =>
  new MeshError('STATE_UNREADABLE', message, { cause, ...(hint === undefined ? {} : { hint }) })

const secureDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const why =
      errno(cause) === 'EEXIST' || errno(cause) === 'ENOTDIR'
        ? 'is not a directory'
        : `cannot be created (${errno(cause)})`
    throw unreadable(`The state directory ${path} ${why}.`, undefined, cause)
  }
  const { uid, mode } = await stat(path)
  const me = process.getuid?.()
  if (me === undefined) return
  if (uid !== me)
    throw unreadable(
      `The state directory ${path} belongs to user ${uid}, not to user ${me}.`,
      'Run as its owner, or choose another --state-dir'
    )
  if ((mode & 0o022) === 0) return
  if ((await entriesOf(path)).length > 0)
    throw unreadable(`Others may write to the state directory ${path}.`, `chmod go-w ${path}`)
  await chmod(path, 0o700)
}

const entriesOf = async (path: string): Promise<string[]> => {
  try {
    return await readdir(path)
  } catch (cause) {
    throw unreadable(`The state directory ${path} cannot be read (${errno(cause)}).`, undefined, cause)
  }
}

const readVersion = async (file: string): Promise<number | undefined> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw unreadable(`${file} cannot be read (${errno(cause)}).`, undefined, cause)
  }
  if (!/^[1-9]\d{0,8}\n?$/.test(text)) throw new MeshError('STATE_DAMAGED', `${file} holds no version number.`)
  return Number(text)
}

/**
 * Runs the steps from the version on disk to `current`, and writes down each that is done. A directory without a
 * version is a new one.
 * @throws MeshError STATE_NEWER, STATE_DAMAGED, STATE_UNREADABLE
 */
export const bringUpToDate = async (path: string, current: number, migrations: Migrations): Promise<void> => {
  const file = join(path, 'version')
  const found = await readVersion(file)
  if (found === current) return
  if (found !== undefined && found > current) {
    throw new MeshError(
      'STATE_NEWER',
      `The state directory ${path} has version ${found}; this program knows versions up to ${current}.`
    )
  }
  // Loaded here because a command that only talks to a running node never comes this far.
  const { writeFileAtomic } = await import('@agent-mesh/identity')
  for (let version = found ?? current; version < current; version++) {
    const migrate = migrations.get(version)
    if (migrate === undefined)
      throw new MeshError(
        'STATE_DAMAGED',
        `The state directory ${path} has version ${version}, from which no way leads to ${current}.`
      )
    await migrate(path)
    await writeFileAtomic(file, `${version + 1}\n`)
  }
  if (found === undefined) await writeFileAtomic(file, `${current}\n`)
}

const readLink = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

const surroundings = () => ({ env: process.env, platform: process.platform, temporary: tmpdir(), readLink })

const rememberSocketPath = async (path: string): Promise<void> => {
  const own = join(path, 'api.sock')
  if (process.platform === 'win32' || fitsSocket(own)) return
  const remembered = readLink(own)
  if (remembered !== undefined && (await isWritable(dirname(dirname(remembered))))) return
  try {
    await rm(own, { force: true })
    await symlink(shortSocketPath(path, surroundings()), own)
  } catch (cause) {
    throw unreadable(`${own} cannot be written (${errno(cause)}).`, undefined, cause)
  }
}

const isWritable = async (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false
  )
