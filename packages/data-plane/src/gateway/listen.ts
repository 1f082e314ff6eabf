import { lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { MeshError } from '@agent-mesh/wire'
import { formatListenAddress, toListenOptions, type ListenAddress } from './listen-address.ts'

/**
 * Binds a server. A socket file that a dead process left behind is replaced; one that somebody answers on is not.
 * @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID, each with the address
 */
export const listen = async (server: Server, address: ListenAddress): Promise<void> => {
  try {
    await bind(server, address)
  } catch (err) {
    if (systemCode(err) !== 'EADDRINUSE' || address.type !== 'unix' || !(await isLeftOver(address.path)))
      throw listenError(err, address)
    await unlink(address.path)
    await bind(server, address).catch((again: unknown) => {
      throw listenError(again, address)
    })
  }
}

const bind = (server: Server, address: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(toListenOptions(address), () => {
      server.off('error', reject)
      resolve()
    })
  })

const isLeftOver = async (path: string): Promise<boolean> => {
  if (
    !(await lstat(path).then(
      (found) => found.isSocket(),
      () => false
    ))
  )
    return false
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (err) => resolve(systemCode(err) === 'ECONNREFUSED'))
  })
}

const systemCode = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : '')

const listenError = (cause: unknown, address: ListenAddress): MeshError => {
  const where = formatListenAddress(address)
  const code = systemCode(cause)
  if (code === 'EADDRINUSE') return new MeshError('ADDRESS_IN_USE', `${where} is in use by another program.`, { cause })
  const why =
    code === 'EADDRNOTAVAIL'
      ? 'is not an address of this machine'
      : code === 'EACCES'
        ? 'may not be bound by this user'
        : `cannot be bound (${code})`
  return new MeshError('ADDRESS_INVALID', `${where} ${why}.`, { cause })
}
