import { toMeshError } from '@agent-mesh/wire'
import { pathClassOf, type Admission, type Dialler, type RunningDiscovery } from '@agent-mesh/control-plane'
import type { Meter } from './meter.ts'

const sinceSeconds = (startedMs: number): number => (performance.now() - startedMs) / 1_000

/** The dialler, with each call timed that finds no open connection. */
export const timedDialler = (meter: Meter, dialler: Dialler, admission: Pick<Admission, 'connections'>): Dialler => ({
  connect: async (peer, options) => {
    if (admission.connections(peer).length > 0) return dialler.connect(peer, options)
    const startedMs = performance.now()
    const note = (path: string, code: string): void =>
      meter.observe('mesh_path_dial_seconds', { path, code }, sinceSeconds(startedMs))
    try {
      const connection = await dialler.connect(peer, options)
      note(pathClassOf(connection), 'ok')
      return connection
    } catch (err) {
      note('none', toMeshError(err).code)
      throw err
    }
  }
})

type Kind = 'capability' | 'name' | 'record'

/** Discovery, with each lookup timed and its end told. */
export const timedDiscovery = (meter: Meter, discovery: RunningDiscovery): RunningDiscovery => {
  const begin = (kind: Kind): ((code: string) => void) => {
    const startedMs = performance.now()
    return (code) => meter.observe('mesh_discovery_lookup_seconds', { kind, code }, sinceSeconds(startedMs))
  }
  const timed = async <T>(kind: Kind, work: () => Promise<T>, isFound: (found: T) => boolean): Promise<T> => {
    const end = begin(kind)
    try {
      const found = await work()
      end(isFound(found) ? 'ok' : 'NOT_FOUND')
      return found
    } catch (err) {
      end(toMeshError(err).code)
      throw err
    }
  }
  return {
    ...discovery,
    find: async function* (capability, options) {
      const end = begin('capability')
      let code = 'NOT_FOUND'
      try {
        for await (const record of discovery.find(capability, options)) {
          code = 'ok'
          yield record
        }
      } catch (err) {
        code = toMeshError(err).code
        throw err
      } finally {
        end(code)
      }
    },
    findName: async (name, options) =>
      timed(
        'name',
        async () => discovery.findName(name, options),
        (found) => found.length > 0
      ),
    record: async (peer, options) =>
      timed(
        'record',
        async () => discovery.record(peer, options),
        (found) => found !== undefined
      )
  }
}
