import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { pino, type Logger } from 'pino'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import { loadKey, saveKey } from '@agent-mesh/identity'
import type { FindResponse, InviteRequest, PublishResponse, ServeRequest } from '@agent-mesh/wire/api'
import { startNode, type RunningNode } from '../daemon/start-node.ts'
import type { Connected, ConnectOptions } from '../local-node.ts'
import { createNetwork } from '../network/create-network.ts'
import { joinNetwork } from '../network/join-network.ts'
import { stateFiles, type StateFiles } from '../state/documents.ts'
import { openStateDir, type StateDir } from '../state/state-dir.ts'
import { firstMember } from './first-member.ts'
import { HandlerDoor, isHandlerAddress, type Handler } from './handler-door.ts'

export interface AgentOptions {
  /** Name of the member; of use where it is not one yet. */
  name: string
  /**
   * Where its key, its certificate and what it remembers are kept: the same folder is the same agent. Without it they are
   * in a folder of their own that is removed when the agent closes.
   */
  stateDir?: string
  /** Seed of its Ed25519 key, 32 bytes, for an agent whose address comes from outside. It is written into the state. */
  keySeed?: Uint8Array
  /** What `mesh-node invite` printed. Of use where the state belongs to no network yet. */
  ticket?: string
  /** Makes a network where the state belongs to none, and no ticket was given. */
  isFounder?: boolean
  /** Addresses to bind, as `/ip4/127.0.0.1/tcp/0`. Default: every address of this machine. */
  listen?: string[]
  /** Addresses to tell others instead. */
  announce?: string[]
  /** Absolute path of a `mesh.yaml` with all other settings. */
  configFile?: string
  /** Default: nothing is logged, and what a handler throws is a warning of the process. */
  logger?: Logger
}

export interface AgentServiceOptions extends Pick<ServeRequest, 'capabilities' | 'allow' | 'weight'> {}

/** An agent of the mesh in this process. Every method rejects with a MeshError. */
export interface Agent {
  readonly peerId: string
  readonly name: string
  /** Id of the network. */
  readonly network: string
  /** Where others reach it. */
  readonly addresses: string[]
  /** Of its local API: what `createClient` of `@agent-mesh/client` takes, and `mesh-node --state-dir` talks to. */
  readonly socketPath: string
  /** All else that a node can do; it may change from version to version. */
  readonly node: RunningNode
  /** Offers a service; one of the same name is replaced. @param to - an address as `mesh-node serve` takes it, or a handler */
  serve: (name: string, to: string | Handler, options?: AgentServiceOptions) => Promise<void>
  unserve: (name: string) => Promise<void>
  /** Tells the network of a capability, and says who stored that. @throws MeshError NOT_PUBLISHED */
  publish: (capability: string, service?: string) => Promise<PublishResponse>
  unpublish: (capability: string) => Promise<PublishResponse>
  /** Finds agents by capability, name or peer id, best first. */
  find: (query: string, options?: { signal?: AbortSignal; limit?: number }) => Promise<FindResponse>
  /** Opens one tunnel. @param target - `alice/web`, `cap:a/b` or a host name of the mesh */
  connect: (target: string, options?: Partial<ConnectOptions>) => Promise<Connected>
  /** A ticket with which another agent joins. */
  invite: (request?: InviteRequest) => Promise<string>
  /** Says goodbye, lets open tunnels finish, and leaves nothing behind. */
  close: () => Promise<void>
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Longest wait for the first connection at start; a member that is there is met within a tenth of it. */
const firstMemberMs = 3_000

const seedBytes = 32

/** @throws MeshError KEY_DAMAGED for a seed of another size, KEY_FOREIGN where the state has another key */
const takeKey = async (path: string, seed: Uint8Array): Promise<void> => {
  if (seed.length !== seedBytes)
    throw new MeshError('KEY_DAMAGED', `The seed of a key has ${seedBytes} bytes, not ${seed.length}.`)
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  const existing = await loadKey(path)
  if (existing === undefined) await saveKey(path, key)
  else if (!existing.equals(key)) throw new MeshError('KEY_FOREIGN', `${path} is not the key of the given seed.`)
}

const becomeMember = async (directory: StateDir, files: StateFiles, options: AgentOptions): Promise<void> => {
  const { name, ticket, isFounder = false } = options
  if ((await files.membership.read()) !== undefined) return
  if (ticket !== undefined) await joinNetwork(directory, { ticket, name })
  else if (isFounder) await createNetwork(directory, { name })
  else throw new MeshError('NO_NETWORK', `${directory.path} belongs to no network, and no ticket was given.`)
}

/** What a process that is gone answered by itself is offered no longer. */
const forgetHandlers = async ({ verbs }: StateFiles): Promise<void> => {
  const state = await verbs.read()
  if (state === undefined || !state.services.some(({ address }) => isHandlerAddress(address))) return
  await verbs.write({ ...state, services: state.services.filter(({ address }) => !isHandlerAddress(address)) })
}

const start = async (path: string, options: AgentOptions): Promise<RunningNode> => {
  const directory = await openStateDir(path)
  const files = stateFiles(directory.path)
  const { keySeed, listen, announce, configFile, logger } = options
  if (keySeed !== undefined) await takeKey(files.identityKey, keySeed)
  await becomeMember(directory, files, options)
  await forgetHandlers(files)
  const hasMet = (await files.peers.read().catch(() => undefined)) !== undefined
  const node = await startNode(directory, {
    flags: {
      ...(listen === undefined ? {} : { listen }),
      ...(announce === undefined ? {} : { announce }),
      ...(logger === undefined ? { logLevel: 'silent' } : { logLevel: logger.level })
    },
    ...(configFile === undefined ? {} : { configFile }),
    env: {},
    logger: logger ?? pino({ level: 'silent' })
  })
  if (hasMet) await firstMember(node, firstMemberMs)
  return node
}

/**
 * Starts an agent in this process, as a member of a network. Where it has met others before, it is connected to one of
 * them when this resolves, or has looked for three seconds. The environment is not looked at: what is set here, and in
 * the file that is named here, is all.
 * @throws MeshError NO_NETWORK, TICKET_*, NAME_*, KEY_*, STATE_*, CONFIG_INVALID, ADDRESS_*, UNREACHABLE
 */
export const startAgent = async (options: AgentOptions): Promise<Agent> => {
  const temporary = options.stateDir === undefined ? await mkdtemp(join(tmpdir(), 'mesh-agent-')) : undefined
  const removeState = async (): Promise<void> => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
  }
  try {
    const node = await start(temporary ?? options.stateDir ?? '', options)
    return toAgent(node, removeState, (service, err) => {
      if (options.logger === undefined) process.emitWarning(toMeshError(err))
      else options.logger.error({ event: 'handler:failed', service, err })
    })
  } catch (err) {
    await removeState()
    throw err
  }
}

/** What a signal ends early is CANCELLED, however far it had come: half of an answer is not taken for all of it. */
const untilAborted = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  const outcome = await work.catch((err: unknown) => {
    throw signal.aborted ? toMeshError(signal.reason, 'CANCELLED') : err
  })
  if (signal.aborted) throw toMeshError(signal.reason, 'CANCELLED')
  return outcome
}

const toAgent = (
  node: RunningNode,
  removeState: () => Promise<void>,
  onFailure: (service: string, err: unknown) => void
): Agent => {
  const doors = new Map<string, HandlerDoor>()
  const never = new AbortController().signal
  const closeDoor = async (service: string): Promise<void> => {
    const door = doors.get(service)
    doors.delete(service)
    await door?.close()
  }
  const stop = async (): Promise<void> => {
    await node.stop()
    for (const service of doors.keys()) await closeDoor(service)
    await removeState()
  }
  let stopped: Promise<void> | undefined
  const close = async (): Promise<void> => (stopped ??= stop())
  const { peerId, name, network, addresses, api } = node.ready
  return {
    peerId,
    name,
    network,
    addresses,
    socketPath: api,
    node,
    serve: async (service, to, given = {}) => {
      const door = typeof to === 'string' ? undefined : await HandlerDoor.open(to, (err) => onFailure(service, err))
      const address = typeof to === 'string' ? to : (door?.address ?? '')
      try {
        await node.serve(service, { ...given, address, replace: true })
      } catch (err) {
        await door?.close()
        throw err
      }
      await closeDoor(service)
      if (door !== undefined) doors.set(service, door)
    },
    unserve: async (service) => {
      await node.unserve(service)
      await closeDoor(service)
    },
    publish: async (capability, service) => node.publish({ capability, ...(service === undefined ? {} : { service }) }),
    unpublish: async (capability) => node.unpublish(capability),
    find: async (query, { signal = never, limit } = {}) =>
      untilAborted(signal, node.find({ query, ...(limit === undefined ? {} : { limit }) }, { signal })),
    connect: async (target, { signal = never, ...given } = {}) => {
      const connecting = node.connect(target, { signal, ...given })
      return untilAborted(signal, connecting).catch(async (err: unknown) => {
        // It may have been there a moment before nobody wanted it any more.
        await connecting.then(
          ({ tunnel }) => tunnel.destroy(),
          () => {}
        )
        throw err
      })
    },
    invite: async (request = {}) => (await node.invite(request)).ticket,
    close,
    [Symbol.asyncDispose]: close
  }
}
