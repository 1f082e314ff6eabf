import { MeshError } from '@agent-mesh/wire'
import type { Tunnel } from '@agent-mesh/client'
import type { Member } from './member.ts'

export interface EchoCall {
  tunnel: Tunnel
  /** Of the member whose service answered. */
  name: string
  close: () => void
}

/**
 * Opens a tunnel to the echo of a member, and waits for its name.
 * @param signal - gives up the wait; what is open goes on
 * @throws MeshError as the client does
 */
export const openEcho = async (from: Member, to: Member, signal: AbortSignal): Promise<EchoCall> => {
  const tunnel = await from.client.connect(`${to.peerId}/echo`, { signal })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const give = (): void => void tunnel.destroy(new MeshError('CANCELLED'))
  signal.addEventListener('abort', give, { once: true })
  let text = ''
  const read = (chunk: Buffer): void => {
    text += chunk.toString()
    if (!text.endsWith('\n')) return
    tunnel.off('data', read)
    resolve(text.trim())
  }
  tunnel.on('data', read)
  tunnel.on('error', reject)
  tunnel.once('close', () => reject(new MeshError('CONNECTION_LOST', 'The tunnel ended before it said a name.')))
  const name = await promise.finally(() => signal.removeEventListener('abort', give))
  const close = (): void => {
    tunnel.on('data', () => {})
    tunnel.end()
  }
  return { tunnel, name, close }
}
