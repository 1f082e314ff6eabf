import { createRememberedPeers, type RememberedPeers } from '@agent-mesh/control-plane'
import { MeshError } from '@agent-mesh/wire'
import type { StateFiles } from '../state/documents.ts'
import type { EventBus } from './event-bus.ts'

/** A book that changes with every connection is written at most this often. */
const writeEveryMs = 5_000

/** The remembered members of this node, on disk. */
export interface Memory {
  peers: RememberedPeers
  /** The book has changed. */
  touch: () => void
  /** Writes what is not written yet. */
  close: () => Promise<void>
}

/** A damaged file is reported and begun anew: addresses can be learnt again. */
export const openMemory = async (files: StateFiles, events: EventBus): Promise<Memory> => {
  const stored = await files.peers.read().catch((err: unknown) => {
    if (!(err instanceof MeshError) || err.code !== 'STATE_DAMAGED') throw err
    events.emit('warn', 'state:rebuilt', { file: files.peers.path, message: err.message })
    return undefined
  })
  const peers = createRememberedPeers({ stored })
  let timer: NodeJS.Timeout | undefined
  const write = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    await files.peers.write(peers.toJSON()).catch((err: unknown) => {
      events.emit('error', 'state:failed', {
        file: files.peers.path,
        message: err instanceof Error ? err.message : String(err)
      })
    })
  }
  return {
    peers,
    touch: () => {
      timer ??= setTimeout(() => void write(), writeEveryMs).unref()
    },
    close: write
  }
}
