import { multiaddr } from '@multiformats/multiaddr'
import { openEnvelope, peerIdFromBytes, sealEnvelope, verifyChain, type Membership } from '@agent-mesh/identity'
import {
  AgentRecord,
  decodeMessage,
  limits,
  MeshError,
  parseCapability,
  parseName,
  recordKey,
  type NetworkId
} from '@agent-mesh/wire'
import { countProviderKeys } from './provider-keys.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { OfferedService, SelfDescription, VerifiedRecord } from './interface.ts'

/** What goes into a signed record. Times are milliseconds since 1970. */
export interface RecordDraft extends SelfDescription {
  networkId: NetworkId
  peerId: PeerId
  /** Newer wins; never used twice. */
  sequence: number
  issuedMs: number
  /** At most limits.recordTtlMs, which is the default. */
  ttlMs?: number
  /** A tombstone: the agent has left. */
  isWithdrawn?: boolean
  /** Certificate of the author, leaf first. */
  chain: Uint8Array[]
}

export interface RecordContext {
  networkId: NetworkId
  networkKey: PublicKey
  nowMs: number
  /** Where set, the record has to be of this peer. */
  author?: PeerId
}

const kindShape = /^[a-z0-9][a-z0-9-]{0,15}$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Bytes of the DHT key of an agent's record. */
export const recordKeyBytes = (networkId: NetworkId, peerId: PeerId): Uint8Array =>
  new TextEncoder().encode(recordKey(networkId, peerId.toString()))

const isOwnSuffix = (address: Multiaddr, peerId: PeerId): boolean => {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' && last.value === peerId.toString()
}

const withoutPeerId = (address: Multiaddr, peerId: PeerId): Multiaddr =>
  isOwnSuffix(address, peerId) ? address.decapsulate(`/p2p/${peerId.toString()}`) : address

const exceeded = (what: string): never => {
  throw new MeshError('LIMIT_EXCEEDED', `The record cannot be published: ${what}.`)
}

/**
 * Signs a record.
 * @throws MeshError LIMIT_EXCEEDED where it would be refused for its size or its counts
 */
export const sealRecord = async (draft: RecordDraft, key: PrivateKey): Promise<Uint8Array> => {
  const all = [...draft.capabilities, ...draft.services.flatMap((service) => service.capabilities)]
  if (draft.addresses.length > limits.addressesPerRecord)
    exceeded(`it has ${draft.addresses.length} addresses, ${limits.addressesPerRecord} are allowed`)
  if (draft.services.length > limits.servicesPerNode)
    exceeded(`it has ${draft.services.length} services, ${limits.servicesPerNode} are allowed`)
  const keys = countProviderKeys(all)
  if (keys > limits.providerKeysPerNode)
    exceeded(
      `its name, its capabilities and their ancestors make ${keys} keys, ${limits.providerKeysPerNode} are allowed`
    )
  const payload = AgentRecord.encode({
    peerId: draft.peerId.toMultihash().bytes,
    network: draft.networkId,
    sequence: draft.sequence,
    issuedMs: draft.issuedMs,
    ttlMs: draft.ttlMs ?? limits.recordTtlMs,
    addresses: draft.addresses.map((address) => withoutPeerId(address, draft.peerId).bytes),
    services: draft.services,
    capabilities: draft.capabilities,
    withdrawn: draft.isWithdrawn ?? false,
    chain: draft.chain.map((envelope) => envelope.slice()),
    cardHash: new Uint8Array(0)
  })
  const bytes = await sealEnvelope('record', payload, key)
  if (bytes.length > limits.recordBytes)
    exceeded(
      `it has ${bytes.length} bytes, ${limits.recordBytes} are allowed; publish fewer services, capabilities or addresses`
    )
  return bytes
}

const invalid = (why: string, cause?: unknown): never => {
  throw new MeshError('RECORD_INVALID', `A record was refused: ${why}.`, { cause })
}

/**
 * The times of a record against the clock of the reader: issued not later than the tolerated difference of clocks,
 * and not past its end by more than that.
 * @throws MeshError RECORD_INVALID, RECORD_EXPIRED
 */
export const checkRecordTime = (
  { issuedMs, expiresMs }: Pick<VerifiedRecord, 'issuedMs' | 'expiresMs'>,
  nowMs: number
): void => {
  if (issuedMs > nowMs + limits.clockToleranceMs)
    invalid(`it was issued in the future, at ${new Date(issuedMs).toISOString()}`)
  if (expiresMs + limits.clockToleranceMs < nowMs)
    throw new MeshError('RECORD_EXPIRED', `A record ended at ${new Date(expiresMs).toISOString()}.`)
}

/** A date beyond this cannot be printed; no record needs one. */
const latestMs = 8.64e15

const checkNumbers = ({ sequence, issuedMs, ttlMs }: AgentRecord): void => {
  if (!Number.isSafeInteger(sequence) || sequence < 1) invalid(`its sequence is ${sequence}`)
  if (!Number.isSafeInteger(issuedMs) || issuedMs < 0 || issuedMs > latestMs / 2)
    invalid(`its time of issue is ${issuedMs}`)
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1 || ttlMs > limits.recordTtlMs)
    invalid(`its lifetime is ${ttlMs} ms, at most ${limits.recordTtlMs} are allowed`)
}

const parseAddresses = (addresses: Uint8Array[]): Multiaddr[] => {
  if (addresses.length > limits.addressesPerRecord)
    invalid(`it has ${addresses.length} addresses, ${limits.addressesPerRecord} are allowed`)
  return addresses.map((bytes) => {
    const address = multiaddr(bytes)
    const components = address.getComponents()
    if (components.length === 0) invalid('one of its addresses is empty')
    // The dialler adds the author's id. An address that names a peer by itself could lead to somebody else.
    if (components.at(-1)?.name === 'p2p') invalid('one of its addresses names a peer')
    return address
  })
}

const parseServices = (services: AgentRecord['services']): OfferedService[] => {
  if (services.length > limits.servicesPerNode)
    invalid(`it has ${services.length} services, ${limits.servicesPerNode} are allowed`)
  const names = new Set<string>()
  return services.map(({ name, kind, capabilities }) => {
    if (names.has(parseName(name, 'service'))) invalid(`it has two services named "${name}"`)
    if (!kindShape.test(kind)) invalid(`the kind of its service "${name}" is not a short word`)
    names.add(name)
    return { name, kind, capabilities: [...new Set(capabilities.map(parseCapability))] }
  })
}

interface RecordContent {
  addresses: Multiaddr[]
  services: OfferedService[]
  capabilities: string[]
}

/** Whatever is wrong inside ends in RECORD_INVALID, with the part that is wrong in the message. */
const parseContent = (record: AgentRecord): RecordContent => {
  try {
    const services = parseServices(record.services)
    const capabilities = [
      ...new Set([...record.capabilities.map(parseCapability), ...services.flatMap((service) => service.capabilities)])
    ]
    const keys = countProviderKeys(capabilities)
    if (keys > limits.providerKeysPerNode)
      invalid(
        `its name, its capabilities and their ancestors make ${keys} keys, ${limits.providerKeysPerNode} are allowed`
      )
    return { addresses: parseAddresses(record.addresses), services, capabilities }
  } catch (err) {
    if (err instanceof MeshError && err.code === 'RECORD_INVALID') throw err
    return invalid(err instanceof Error ? err.message.replace(/\.$/, '') : 'a part of it does not parse', err)
  }
}

const parseAuthor = (bytes: Uint8Array): PeerId => {
  try {
    return peerIdFromBytes(bytes)
  } catch (cause) {
    return invalid('its author is not an Ed25519 peer id', cause)
  }
}

/**
 * Checks a record: size first, then signature, author, network, membership, times and every list in it.
 * @throws MeshError RECORD_INVALID, RECORD_EXPIRED, NETWORK_FOREIGN, CERTIFICATE_INVALID, CERTIFICATE_EXPIRED,
 * CERTIFICATE_NOT_YET_VALID
 */
export const verifyRecord = async (
  bytes: Uint8Array,
  { networkId, networkKey, nowMs, author }: RecordContext
): Promise<VerifiedRecord> => {
  const { signer, payload } = await openEnvelope('record', bytes, limits.recordBytes, 'RECORD_INVALID')
  const record = decodeMessage(AgentRecord, payload, limits.recordBytes, 'RECORD_INVALID', 'record')
  const peerId = parseAuthor(record.peerId)
  if (!signer.equals(peerId)) invalid(`${signer.toString()} signed a record of ${peerId.toString()}`)
  if (author !== undefined && !author.equals(peerId))
    invalid(`it is of ${peerId.toString()}, not of ${author.toString()}`)
  if (record.network !== networkId) throw new MeshError('NETWORK_FOREIGN', 'A record belongs to another network.')
  checkNumbers(record)
  const times = { issuedMs: record.issuedMs, expiresMs: record.issuedMs + record.ttlMs }
  checkRecordTime(times, nowMs)
  const membership = await verifyChain(record.chain, networkKey, nowMs)
  if (!membership.peerId.equals(peerId))
    invalid(`the certificate in it is of ${membership.peerId.toString()}, not of its author`)
  return {
    peerId,
    membership: ownCopy(membership),
    sequence: record.sequence,
    ...times,
    ...parseContent(record),
    isWithdrawn: record.withdrawn,
    bytes
  }
}

/** The decoder hands out views of the message; what is kept must not keep the whole buffer of a stream alive. */
const ownCopy = (membership: Membership): Membership => ({
  ...membership,
  chain: membership.chain.map((envelope) => envelope.slice())
})

/**
 * The author that a DHT key of this network names.
 * @throws MeshError RECORD_INVALID, NETWORK_FOREIGN
 */
export const parseRecordKey = (key: Uint8Array, networkId: NetworkId): string => {
  if (key.length > 256) return invalid(`its key has ${key.length} bytes`)
  let text: string
  try {
    text = utf8.decode(key)
  } catch (cause) {
    return invalid('its key is not text', cause)
  }
  const [empty, namespace, network, peerId, ...rest] = text.split('/')
  if (empty !== '' || namespace !== 'agent' || peerId === undefined || peerId === '' || rest.length > 0)
    return invalid('its key is not /agent/<network>/<peer id>')
  if (network !== networkId) throw new MeshError('NETWORK_FOREIGN', 'The key of a record belongs to another network.')
  return peerId
}
