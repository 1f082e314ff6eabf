import { limits, MeshError } from '@agent-mesh/wire'
import type { OnDataPlaneEvent } from '../../events.ts'
import type { Caller } from '../http/identity-fields.ts'
import { StdioChild } from './child.ts'

export interface ProgramsInit {
  onEvent?: OnDataPlaneEvent | undefined
  most?: number
}

/** The programs that this node runs for tunnels: one for each. */
export class Programs {
  readonly #init: ProgramsInit
  #running = 0

  constructor(init: ProgramsInit = {}) {
    this.#init = init
  }

  /**
   * Starts the program of a service for one caller, of whom its environment tells.
   * @throws MeshError LIMIT_EXCEEDED, UPSTREAM_UNREACHABLE
   */
  async start(service: string, command: readonly string[], caller: Caller): Promise<StdioChild> {
    const { onEvent, most = limits.stdioPrograms } = this.#init
    if (this.#running >= most)
      throw new MeshError('LIMIT_EXCEEDED', `${most} programs run for tunnels of this node; that is the limit.`)
    const { peerId, name = '', groups } = caller
    const child = new StdioChild({
      command,
      env: {
        MESH_SERVICE: service,
        MESH_PEER_ID: peerId,
        MESH_PEER_NAME: name,
        MESH_PEER_GROUPS: groups.join(',')
      },
      onStderr: (line) => onEvent?.({ event: 'program:stderr', service, peerId, pid: child.pid ?? 0, line })
    })
    this.#running += 1
    child.once('close', () => {
      this.#running -= 1
    })
    // what ends it early is told to the tunnel; until it has one, nobody listens
    child.on('error', () => {})
    await child.started()
    return child
  }
}
