import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { issueCertificate, loadKey, loadOrCreateKey, type CertificateRequest } from '@agent-mesh/identity'
import {
  createNetwork,
  emptyVerbState,
  loadCredentials,
  openStateDir,
  saveMembership,
  startNode,
  stateFiles,
  type Flags,
  type Host,
  type RunningNode,
  type StateDir
} from '@agent-mesh/node'
import { pino } from 'pino'
import type { PeerDocument } from '@agent-mesh/wire/api'
import { Partition } from './partition.ts'

/** One real node in this process, with a state directory of its own. */
export interface MeshMember {
  name: string
  directory: StateDir
  /** The running node; another one after a restart. */
  readonly node: RunningNode
  /** Members that it is connected to. */
  connected: () => Promise<PeerDocument[]>
  stop: () => Promise<void>
  /** Its libp2p host at this moment. */
  host: () => Host
  /** Ends the node as a crash would: its connections break first, so that nobody hears a goodbye. */
  kill: () => Promise<void>
  /** Stops the node where it runs and starts it on the same state. */
  restart: (flags?: Flags) => Promise<void>
}

export interface TestMesh {
  members: MeshMember[]
  /** Path of the key that certifies members. */
  rootKeyFile: string
  /** The network between the members, by their names. */
  partition: Partition
  /** Certifies and starts one more member that knows the given ones, the first by default. */
  add: (name: string, options?: AddOptions) => Promise<MeshMember>
  /** Gives a stopped member another certificate from the root, such as one that is about to end. */
  certify: (member: MeshMember, fields: CertifyOptions) => Promise<void>
  /** Stops every node and removes every folder. */
  close: () => Promise<void>
}

export interface AddOptions {
  /** Members that the new one starts from. */
  bootstrap?: MeshMember[]
  /** Further addresses that it starts from, each with a peer id. */
  dial?: string[]
  mayAdmit?: boolean
  groups?: string[]
  /** Published from the first record on. */
  capabilities?: string[]
  /** More settings, as lines of `mesh.yaml`. */
  settings?: string
  /** At least 0, below 1: which of several equal agents it chooses. */
  random?: () => number
}

export interface CertifyOptions extends Pick<
  CertificateRequest,
  'notBeforeMs' | 'notAfterMs' | 'isEphemeral' | 'groups'
> {
  /** A member that may admit, in the place of the root. */
  issuer?: MeshMember
}

const loopback = ['/ip4/127.0.0.1/tcp/0']

/** Many nodes share one address here, for which no stranger's limit is made. */
const configuration = `
connections:
  from_one_host_per_second: 100000
  pending: 10000
  most: 1000
drain_timeout: 1s
`

const environment = { MESH_LOG_LEVEL: process.env['MESH_TEST_LOG'] ?? 'silent' }

const newDirectory = async (): Promise<StateDir> => openStateDir(await mkdtemp(join(tmpdir(), 'mesh-test-')))

const startMember = async (
  name: string,
  directory: StateDir,
  configFile: string,
  bootstrap: string[],
  partition: Partition,
  random?: () => number
): Promise<MeshMember> => {
  let host: Host | undefined
  const currentHost = (): Host => {
    if (host === undefined) throw new Error(`${name} was never started`)
    return host
  }
  const peerId = peerIdFromPrivateKey(await loadOrCreateKey(stateFiles(directory.path).identityKey))
  const start = async (flags: Flags = {}): Promise<RunningNode> =>
    startNode(directory, {
      configFile,
      flags: { listen: loopback, bootstrap, ...flags },
      env: environment,
      onHost: (made) => {
        host = made
      },
      gater: partition.gater(name, peerId),
      ...(random === undefined ? {} : { random }),
      logger: pino(pino.destination(2))
    })
  let node = await start()
  let isRunning = true
  const stop = async (): Promise<void> => {
    if (!isRunning) return
    isRunning = false
    await node.stop()
  }
  return {
    name,
    directory,
    stop,
    host: currentHost,
    connected: async () => (await node.peers()).filter(({ state }) => state === 'connected'),
    get node() {
      return node
    },
    kill: async () => {
      partition.silence(name)
      await stop()
    },
    restart: async (flags) => {
      await stop()
      partition.rejoin(name)
      node = await start(flags)
      isRunning = true
    }
  }
}

/**
 * A network of real nodes in this process, all on 127.0.0.1. The first member is its founder; the others are certified
 * by the root key at once, so that a test of something else does not spend its time on joining.
 */
export const createMesh = async (names: string[]): Promise<TestMesh> => {
  const [founderName, ...others] = names
  if (founderName === undefined) throw new Error('a mesh needs at least one member')
  const founderDirectory = await newDirectory()
  await createNetwork(founderDirectory, { name: founderName })
  return buildMesh({ founderName, founderDirectory }, others)
}

/** Where the members of a mesh in another process find their root key, and whom they start from. */
export interface Elsewhere {
  /** Path of the key that certifies them. */
  rootKeyFile: string
  /** Addresses of members. */
  bootstrap: string[]
}

/** More members of a mesh whose first ones run in another process. */
export const extendMesh = async (elsewhere: Elsewhere, names: string[]): Promise<TestMesh> =>
  buildMesh(elsewhere, names)

const buildMesh = async (
  from: Elsewhere | { founderName: string; founderDirectory: StateDir },
  others: readonly string[]
): Promise<TestMesh> => {
  const shared = await mkdtemp(join(tmpdir(), 'mesh-test-'))
  const configFile = join(shared, 'mesh.yaml')
  await writeFile(configFile, configuration)
  const directories: StateDir[] = []
  const rootKeyFile = 'rootKeyFile' in from ? from.rootKeyFile : stateFiles(from.founderDirectory.path).rootKey
  const rootKey = await loadKey(rootKeyFile)
  if (rootKey === undefined) throw new Error('the founder has no root key')
  const partition = new Partition()
  const members: MeshMember[] = []
  const elsewhere = 'bootstrap' in from ? from.bootstrap : []
  if ('founderName' in from) {
    directories.push(from.founderDirectory)
    members.push(await startMember(from.founderName, from.founderDirectory, configFile, [], partition))
  }

  const add = async (
    name: string,
    {
      bootstrap = members.slice(0, 1),
      dial = [],
      mayAdmit = false,
      groups = [],
      capabilities = [],
      settings,
      random
    }: AddOptions = {}
  ): Promise<MeshMember> => {
    const directory = await newDirectory()
    directories.push(directory)
    const files = stateFiles(directory.path)
    const key = await loadOrCreateKey(files.identityKey)
    const certificate = await issueCertificate(
      {
        networkKey: rootKey.publicKey,
        peerId: peerIdFromPrivateKey(key),
        name,
        mayAdmit,
        groups,
        notBeforeMs: Date.now()
      },
      rootKey
    )
    await files.verbs.write({ ...emptyVerbState(), capabilities: capabilities.map((capability) => ({ capability })) })
    await saveMembership(files, rootKey.publicKey, [certificate])
    const ownFile = join(directory.path, 'mesh.yaml')
    if (settings !== undefined) await writeFile(ownFile, `${configuration}\n${settings}\n`)
    const member = await startMember(
      name,
      directory,
      settings === undefined ? configFile : ownFile,
      [...elsewhere, ...dial, ...bootstrap.flatMap((one) => one.node.ready.addresses)],
      partition,
      random
    )
    members.push(member)
    return member
  }
  const certify = async ({ directory, name }: MeshMember, { issuer, ...fields }: CertifyOptions): Promise<void> => {
    const files = stateFiles(directory.path)
    const peerId = peerIdFromPrivateKey(await loadOrCreateKey(files.identityKey))
    const networkKey = rootKey.publicKey
    const issued =
      issuer === undefined ? undefined : await loadCredentials(stateFiles(issuer.directory.path), undefined)
    const leaf = await issueCertificate({ networkKey, peerId, name, ...fields }, issued?.key ?? rootKey)
    await saveMembership(files, networkKey, [leaf, ...(issued?.membership.chain ?? [])])
  }
  for (const name of others) await add(name)
  return {
    members,
    rootKeyFile,
    partition,
    add,
    certify,
    close: async () => {
      await Promise.all(members.map((member) => member.stop()))
      for (const path of [shared, ...directories.map((directory) => directory.path)])
        await rm(path, { recursive: true, force: true })
    }
  }
}
