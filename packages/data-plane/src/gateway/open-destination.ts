import type { Duplex } from 'node:stream'
import { formatServedBy, type ServedBy } from '@agent-mesh/wire/served-by'
import { connectOutside } from './outside.ts'
import type { Destination } from './destination.ts'
import type { OpenTarget } from './open-target.ts'

export { formatServedBy, type ServedBy }

/** A byte stream to where a client of a proxy wanted to go. */
interface OpenedDestination {
  stream: Duplex
  /** Absent outside the mesh. */
  servedBy?: ServedBy
}

interface OpenDestinationOptions {
  signal: AbortSignal
  /** Bytes that may travel with the open. */
  early?: (() => Uint8Array | undefined) | undefined
}

export type OpenDestination = (destination: Destination, options: OpenDestinationOptions) => Promise<OpenedDestination>

/** Makes the one function through which every proxy reaches anything. */
export const createDestinationOpener =
  (openTarget: OpenTarget): OpenDestination =>
  async (destination, { signal, early }) => {
    if (destination.kind === 'outside') {
      const stream = await connectOutside(destination.host, destination.port, signal)
      const first = early?.()
      if (first !== undefined && first.length > 0) stream.write(first)
      return { stream }
    }
    const { tunnel, candidate, service } = await openTarget(destination.target, { signal, early })
    const { name } = candidate
    const servedBy = { peerId: candidate.peerId.toString(), service, ...(name === undefined ? {} : { name }) }
    return { stream: tunnel, servedBy }
  }
