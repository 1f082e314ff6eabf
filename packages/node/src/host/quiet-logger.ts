import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent = (): void => {}

const quiet: Logger = Object.assign(silent, {
  enabled: false,
  error: silent,
  trace: silent,
  newScope: (): Logger => quiet
})

/**
 * The logger of libp2p where nobody asked for its log: the stock one makes several functions for every stream, and asks
 * the terminal for its colours each time, though nothing is ever written.
 * @returns undefined, which is the stock one, where the environment variable `DEBUG` is set
 */
export const quietLogger = (debug = process.env['DEBUG']): ComponentLogger | undefined =>
  debug === undefined || debug === '' ? { forComponent: () => quiet } : undefined
