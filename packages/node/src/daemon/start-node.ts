import { multiaddr } from '@multiformats/multiaddr'
import { MeshError, parseCapability } from '@agent-mesh/wire'
import { readFileIfExists, writeFileAtomic } from '@agent-mesh/identity'
import {
  PolicyKeeper,
  createRecordBook,
  createRevocationKeeper,
  recordReplica,
  type RevocationKeeper,
  createTaxonomy,
  type Taxonomy
} from '@agent-mesh/control-plane'
import type { Logger } from 'pino'
import { startApi, type ApiServer } from '../api/server.ts'
import { loadConfig, type Flags } from '../config/load.ts'
import { createHost, type Host } from '../host/create-host.ts'
import { hostMetrics } from '../metrics/host-metrics.ts'
import { Meter } from '../metrics/meter.ts'
import { chosenPorts, stillFree, withKnownPorts } from '../host/listen.ts'
import type { LocalNode } from '../local-node.ts'
import { renewByRoot } from '../state/credentials.ts'
import { Identity } from '../state/identity.ts'
import { takeNextIdentity } from '../state/next-identity.ts'
import { revocationStore } from '../state/revocation-store.ts'
import { stateFiles } from '../state/documents.ts'
import { removeLeftovers } from '../state/leftovers.ts'
import { lockState } from '../state/lock.ts'
import type { StateDir } from '../state/state-dir.ts'
import { createUnderlay } from './underlay.ts'
import { VerbStore } from '../state/verb-store.ts'
import { assemble } from './assemble.ts'
import { EventBus } from './event-bus.ts'
import { Invitations } from './invitations.ts'
import { joinAddresses } from './join-addresses.ts'
import { Issuance } from './issuance.ts'
import { openMetricsDoor } from './metrics-door.ts'
import { openMemory } from './remember.ts'
import type { ConnectionGater, PeerId } from '@libp2p/interface'

export interface StartOptions {
  /** Absolute path of `mesh.yaml`. */
  configFile?: string
  flags: Flags
  env: NodeJS.ProcessEnv
  logger: Logger
  /** Gets the libp2p host before it starts: to measure it, or to let it fail. */
  onHost?: (host: Host) => void
  /** Asked before each connection, beside the node's own rules: a test takes the network apart with it. */
  gater?: ConnectionGater
  /** At least 0, below 1: which of several equal agents is chosen. */
  random?: () => number
}

/** What the `ready` line says. */
export interface Ready {
  peerId: string
  name: string
  network: string
  addresses: string[]
  /** Path of the unix socket of the local API. */
  api: string
}

export interface RunningNode extends LocalNode {
  readonly ready: Ready
  /** Resolves when the node has stopped, whoever asked for it. */
  readonly stopped: Promise<void>
}

/** From each peer id whose key was changed to the one that goes on in its place. */
const successorsIn = ({ list, successorOf }: RevocationKeeper): Map<string, string> =>
  new Map(
    list()
      .filter(({ succession }) => succession !== undefined)
      .map(({ peerId }) => [peerId.toString(), successorOf(peerId)?.toString() ?? peerId.toString()])
  )

/** Longest look for another holder of a name before it is given; the joiner waits. */
const nameCheckTimeoutMs = 3_000

const loadTaxonomy = async (file: string | undefined): Promise<Taxonomy | undefined> => {
  if (file === undefined) return undefined
  const content = await readFileIfExists(file)
  if (content === undefined) throw new MeshError('CONFIG_INVALID', `${file}, the taxonomy, does not exist.`)
  const lines = Buffer.from(content)
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  return createTaxonomy(lines.map(parseCapability))
}

/** Runs what was opened so far backwards when a later step fails, and at the end. */
class Closers {
  readonly #closers: Array<() => Promise<void>> = []

  add(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  async run(onError: (err: unknown) => void): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close().catch(onError)
  }
}

/**
 * Starts a node on a state directory: locks it, checks who it is, joins the mesh, opens its doors and its local API.
 * @throws MeshError CONFIG_INVALID, STATE_*, KEY_*, NO_NETWORK, CERTIFICATE_*, ADDRESS_IN_USE
 */
export const startNode = async (
  directory: StateDir,
  { configFile, flags, env, logger, gater, onHost, random }: StartOptions
): Promise<RunningNode> => {
  const startedMs = Date.now()
  const { config, settings } = await loadConfig({ file: configFile, env, flags })
  logger.level = config.log.level
  const taxonomy = await loadTaxonomy(config.discovery.taxonomy)
  const closers = new Closers()
  const events = new EventBus(logger)
  const onError = (err: unknown): void => {
    events.emit('error', 'stop:failed', { message: err instanceof Error ? err.message : String(err) })
  }
  try {
    closers.add(await lockState(directory.path))
    await removeLeftovers(directory.path)
    const files = stateFiles(directory.path)
    await takeNextIdentity(files)
    const credentials = new Identity(files, await renewByRoot(files, startedMs))
    const verbs = await VerbStore.open(files)
    const memory = await openMemory(files, events)
    closers.add(memory.close)
    const { networkId, networkKey } = credentials
    const revocations = createRevocationKeeper({
      networkKey,
      store: revocationStore(files),
      onSaveFailed: (err) =>
        events.emit('error', 'state:failed', { file: files.revocations.path, message: String(err) })
    })
    await revocations.load()
    const book = createRecordBook({
      networkId,
      networkKey,
      isRevoked: revocations.isRevoked,
      onAccepted: ({ membership }) => host.services.admission.learn(membership)
    })
    const issuance = new Issuance({ credentials, files, revocations, holdersOf: async (name) => holdersOf(name) })
    await issuance.load()
    const invitations = new Invitations({ credentials, files, issuance, addresses: () => ticketAddresses() })
    await invitations.load()
    const keeper = new PolicyKeeper({
      networkKey: credentials.networkKey,
      signaturesNeeded: () => credentials.membership.policySignatures,
      store: {
        load: async () => readFileIfExists(files.policy),
        save: async (bytes) => writeFileAtomic(files.policy, bytes),
        awaited: async () => (await files.policyAwaited.read())?.version ?? 0
      },
      now: Date.now,
      isRevoked: revocations.isRevoked,
      successors: () => successorsIn(revocations),
      onFork: (fork) => events.emit('warn', 'policy:fork', { code: 'POLICY_FORK', ...fork })
    })
    await keeper.load()
    revocations.onChange(() => keeper.successorsChanged())
    const wanted = Object.entries(verbs.state.ports).filter(([listen]) => config.listen.includes(listen))
    const ports = await stillFree(Object.fromEntries(wanted), (listen, port) =>
      events.emit('warn', 'port:taken', { listen, port })
    )
    const meter = new Meter()
    const host = await createHost({
      credentials,
      config,
      book,
      revocations,
      metrics: hostMetrics(meter.registry),
      policyVersion: () => keeper.version(),
      stunServers: () => underlay.stunServers(),
      listen: withKnownPorts(config.listen, ports),
      ...(gater === undefined ? {} : { gater }),
      joins: {
        sealKeyOf: (id) => invitations.sealKeyOf(id),
        redeem: async (plea) => ({
          chain: await invitations.redeem(plea),
          addresses: joinAddresses(host),
          policyVersion: keeper.newestKnown
        })
      }
    })
    closers.add(async () => host.stop())
    onHost?.(host)
    const underlay = createUnderlay({ networkId: credentials.networkId, config, host, events })
    closers.add(underlay.stop)
    const stopped = Promise.withResolvers<void>()
    const node = assemble({
      stateDir: directory.path,
      files,
      startedMs,
      config,
      settings,
      credentials,
      verbs,
      memory,
      events,
      host,
      book,
      taxonomy,
      invitations,
      keeper,
      replicas: [keeper, revocations, recordReplica({ book })],
      issuance,
      revocations,
      meter,
      underlay,
      ...(random === undefined ? {} : { random }),
      onStop: async () => {
        await closers.run(onError)
        stopped.resolve()
      }
    })
    const ticketAddresses = (): Uint8Array[] => joinAddresses(host).map(({ bytes }) => bytes)
    const holdersOf = async (name: string): Promise<PeerId[]> => {
      const records = await node.discovery
        .findName(name, { signal: AbortSignal.timeout(nameCheckTimeoutMs) })
        .catch(() => [])
      return records.map((record) => record.peerId)
    }
    let api: ApiServer | undefined
    closers.add(async () => api?.close()) // after the drain: tunnels of `nc` run through it
    closers.add(node.close)
    try {
      await host.start()
    } catch (cause) {
      throw listenError(cause, config.listen)
    }
    await verbs.update((state) => ({
      ...state,
      ports: { ...state.ports, ...chosenPorts(config.listen, host.services.bound.addresses()) }
    }))
    await node.start()
    await underlay.start()
    api = await startApi(node.local, { socketPath: directory.socketPath, logger })
    closers.add(await openMetricsDoor(config, node.local, events))
    const { peerId, name } = credentials.membership
    const ready: Ready = {
      peerId: peerId.toString(),
      name,
      network: credentials.networkId,
      addresses: host.getMultiaddrs().map((address) => address.toString()),
      api: directory.socketPath
    }
    events.emit('info', 'node:ready', {
      peer: ready.peerId,
      name,
      network: ready.network,
      durationMs: Date.now() - startedMs
    })
    return Object.assign(node.local, { ready, stopped: stopped.promise })
  } catch (err) {
    await closers.run(onError)
    throw err
  }
}

/** What a host says that cannot listen. */
const listenError = (cause: unknown, listen: string[]): MeshError => {
  const text =
    cause instanceof Error
      ? `${cause.message} ${cause.cause instanceof Error ? cause.cause.message : ''}`
      : String(cause)
  const where = listen.map((address) => multiaddr(address).toString()).join(', ')
  if (text.includes('EADDRINUSE'))
    return new MeshError('ADDRESS_IN_USE', `An address of ${where} is in use.`, {
      cause,
      hint: 'Stop what listens there, or choose another --listen.'
    })
  return new MeshError('ADDRESS_INVALID', `The node cannot listen on ${where}: ${text.trim().replace(/\.?$/, '.')}`, {
    cause
  })
}
