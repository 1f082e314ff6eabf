import { readlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { socketPathOf, stateDirOf } from '@agent-mesh/wire/state-path'

const readLink = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The socket of the node of a state directory; without one that of `$MESH_STATE_DIR` or of the user's own node. */
export const locateSocket = (stateDir?: string): string => {
  const { env, platform } = process
  const path = stateDir === undefined ? stateDirOf({ env, home: homedir() }) : resolve(stateDir)
  return socketPathOf(path, { env, platform, temporary: tmpdir(), readLink })
}
