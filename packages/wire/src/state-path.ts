import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'

/** What the paths of a node depend on beside its state directory. */
export interface PathSurroundings {
  env: Readonly<Record<string, string | undefined>>
  platform: string
  /** Home of the user. */
  home: string
  /** Where the system keeps what is temporary. */
  temporary: string
  /** What a symbolic link points at; undefined where there is none. */
  readLink: (path: string) => string | undefined
}

/** Linux takes 107 bytes, macOS 103. */
const socketPathBytes = 100

/** `MESH_STATE_DIR`, else `mesh-node/default` where XDG keeps state. */
export const stateDirOf = ({ env, home }: Pick<PathSurroundings, 'env' | 'home'>): string => {
  const chosen = env['MESH_STATE_DIR']
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  const base = env['XDG_STATE_HOME']
  return join(base === undefined || base === '' ? join(home, '.local', 'state') : base, 'mesh-node', 'default')
}

/** Whether a unix socket may have this path. */
export const fitsSocket = (path: string): boolean => Buffer.byteLength(path) <= socketPathBytes

const hashOf = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 16)

/** Where the socket of a state directory with a long path is made. */
export const shortSocketPath = (
  stateDir: string,
  { env, temporary }: Pick<PathSurroundings, 'env' | 'temporary'>
): string => {
  const places = [env['XDG_RUNTIME_DIR'] ?? '', temporary].filter((place) => place.startsWith('/'))
  const paths = places.map((place) => join(place, `mesh-node-${hashOf(stateDir)}`, 'api.sock'))
  return paths.find(fitsSocket) ?? `/tmp/mesh-node-${hashOf(stateDir)}/api.sock`
}

/**
 * Where the local API of a state directory listens. A directory with a long path has its socket elsewhere, and a link
 * `api.sock` that says where: another process may have other environment variables.
 * @param stateDir - absolute
 */
export const socketPathOf = (stateDir: string, around: Omit<PathSurroundings, 'home'>): string => {
  if (around.platform === 'win32') return `\\\\.\\pipe\\mesh-node-${hashOf(stateDir)}`
  const own = join(stateDir, 'api.sock')
  return fitsSocket(own) ? own : (around.readLink(own) ?? shortSocketPath(stateDir, around))
}
