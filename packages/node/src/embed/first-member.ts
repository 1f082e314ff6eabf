import type { LocalNode } from '../local-node.ts'

/**
 * Waits until a node is connected to a member: before, it knows nobody's name.
 * @returns whether it is; false after `mostMs`, for a node that is alone goes on alone
 */
export const firstMember = async (node: Pick<LocalNode, 'onEvent' | 'peers'>, mostMs: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, mostMs, false)
  const stop = node.onEvent(({ event }) => {
    if (event === 'peer:joined') resolve(true)
  })
  try {
    const isThere = (await node.peers()).some(({ state }) => state === 'connected')
    return isThere || (await promise)
  } finally {
    stop()
    clearTimeout(timer)
  }
}
