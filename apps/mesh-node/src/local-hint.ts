import { errorKinds, MeshError, type ErrorCode } from '@agent-mesh/wire/errors'
import type { Context } from './context.ts'

/** Errors whose next command is for this very node: without its state directory it would be for another one. */
const hints: Partial<Record<ErrorCode, (context: Context) => string>> = {
  NO_NETWORK: (context) =>
    `${context.here('network create --name <name>')}, or ${context.here('join <ticket> --name <name>')}`,
  NETWORK_EXISTS: (context) => `${context.here('network show')}; ${context.here('network leave')}`,
  STATE_LOCKED: (context) => `${context.here('down')}, or choose another --state-dir`,
  FORWARD_UNKNOWN: (context) => context.here('forward --list')
}

/** The error with the state directory that was typed in its next command; one with a hint of its own stays as it is. */
export const withLocalHint = (err: unknown, context: Context): unknown => {
  if (!(err instanceof MeshError)) return err
  const { code, message, hint, details } = err
  const local = hints[code]
  if (local === undefined || hint !== errorKinds[code].remedy) return err
  return new MeshError(code, message, { cause: err, details, hint: local(context) })
}
