import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { MeshError } from '@agent-mesh/wire'

/**
 * Where a program is, as the system would look for it; nothing is started.
 * @throws MeshError UPSTREAM_UNREACHABLE
 */
export const findProgram = async (name: string, searched = process.env['PATH'] ?? ''): Promise<string> => {
  const places = name.includes('/') ? [name] : searched.split(delimiter).map((folder) => join(folder, name))
  for (const place of places) {
    try {
      await access(place, constants.X_OK)
      return place
    } catch {
      // elsewhere, then
    }
  }
  throw new MeshError('UPSTREAM_UNREACHABLE', `The program ${name} is not found, or may not be run by this node.`, {
    hint: 'Install it on the machine of the agent, or serve it by its full path.'
  })
}
