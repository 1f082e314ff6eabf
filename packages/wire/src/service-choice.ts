import { MeshError } from './errors.ts'
import { defaultSuffix } from './host-name.ts'
import { quote } from './quote.ts'

/** A service as the record of its agent lists it. */
export interface ListedService {
  name: string
  kind: string
}

export interface ServiceWish {
  /** How the agent was named, for messages. */
  who: string
  port?: number | undefined
  /** Where the request itself says it, as an absolute `http://` does; stronger than the port. */
  kind?: string | undefined
  suffix?: string | undefined
}

/** What the port of a host name says of the service behind it. */
export const kindsByPort: Readonly<Record<number, string>> = {
  22: 'ssh',
  80: 'http',
  443: 'https',
  8080: 'http',
  50_051: 'grpc'
}

/**
 * The service that is meant where a host name says none. The only one that there is; else the only one of the kind that
 * the request or its port means; else the one that is called like that kind.
 * @throws MeshError SERVICE_UNKNOWN where there is none at all, TARGET_INVALID with the list of them
 */
export const chooseService = (services: readonly ListedService[], wish: ServiceWish): string => {
  const { who, port, suffix = defaultSuffix } = wish
  const [first, ...others] = services
  if (first === undefined) throw new MeshError('SERVICE_UNKNOWN', `${quote(who)} offers no service.`)
  if (others.length === 0) return first.name
  const kind = wish.kind ?? (port === undefined ? undefined : kindsByPort[port])
  const ofKind = services.filter((one) => one.kind === kind)
  const meant = ofKind.length === 1 ? ofKind[0] : services.find((one) => one.name === kind)
  if (meant !== undefined) return meant.name
  const names = services.map((one) => one.name)
  const asked = kind === undefined ? (port === undefined ? 'nothing' : `port ${port}`) : kind
  throw new MeshError(
    'TARGET_INVALID',
    `${quote(who)} has the services ${names.join(', ')}, and ${asked} does not say which.`,
    { hint: `Write the service in front: ${names[0] ?? ''}.${who}.${suffix}`, details: { services: names } }
  )
}
