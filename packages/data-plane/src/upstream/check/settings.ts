import { limits, MeshError } from '@agent-mesh/wire'
import type { Service } from '../../interfaces.ts'

/** What is asked of a service: that it takes connections, that a path answers, or what its gRPC health service says. */
export type CheckKind = { type: 'connect' } | { type: 'http'; path: string } | { type: 'grpc'; service: string }

/** How a service is checked. Times in milliseconds. */
export interface CheckSettings {
  kind: CheckKind
  /** From the end of one check to the begin of the next, give or take a tenth. */
  intervalMs: number
  /** Longest check; a longer one has failed. */
  timeoutMs: number
  /** Failed checks in a row after which the service is failing. */
  threshold: number
}

export const checkDefaults = {
  intervalMs: limits.checkIntervalMs,
  timeoutMs: limits.checkTimeoutMs,
  threshold: 3
} as const

const fail = (text: string, why: string): never => {
  throw new MeshError('SERVICE_INVALID', `"${text.slice(0, 200)}" is not a check: ${why}.`)
}

/** Visible ASCII alone, so that a path cannot smuggle a second line into the request. */
const pathPattern = /^\/[\x21-\x7e]*$/
const grpcServicePattern = /^[A-Za-z_][\w.]*$/

/**
 * Parses `connect`, `http:<path>`, `grpc`, `grpc:<service>` or `none`.
 * @returns undefined for `none`
 * @throws MeshError SERVICE_INVALID
 */
export const parseCheck = (text: string): CheckKind | undefined => {
  const colon = text.indexOf(':')
  const [word, rest] = colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
  if (rest !== undefined && rest.length > limits.checkTargetLength)
    return fail(text, `what follows "${word.slice(0, 20)}:" is longer than ${limits.checkTargetLength} characters`)
  switch (word) {
    case 'none':
      return rest === undefined ? undefined : fail(text, 'nothing follows "none"')
    case 'connect':
      return rest === undefined ? { type: 'connect' } : fail(text, 'nothing follows "connect"')
    case 'http':
      if (rest === undefined || !pathPattern.test(rest)) return fail(text, 'after http: comes a path such as /healthz')
      return { type: 'http', path: rest }
    case 'grpc':
      if (rest !== undefined && !grpcServicePattern.test(rest))
        return fail(text, 'after grpc: comes the name of a gRPC service')
      return { type: 'grpc', service: rest ?? '' }
    default:
      return fail(text, 'it is none of connect, http:<path>, grpc[:<service>], none')
  }
}

/** The text that {@link parseCheck} reads back. */
export const formatCheck = (kind: CheckKind | undefined): string => {
  if (kind === undefined) return 'none'
  if (kind.type === 'http') return `http:${kind.path}`
  return kind.type === 'grpc' && kind.service !== '' ? `grpc:${kind.service}` : kind.type
}

/**
 * What is checked where nobody said it: that the service takes connections. Logins are left alone, since an SSH server
 * writes every connection into the log of the machine, and so are programs that are started for each tunnel.
 */
export const defaultCheck = ({ kind, address }: Pick<Service, 'kind' | 'address'>): CheckKind | undefined =>
  kind !== 'ssh' && address.type !== 'stdio' ? { type: 'connect' } : undefined
