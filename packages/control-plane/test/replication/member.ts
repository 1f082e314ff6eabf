import { protocols, syncTopic } from '@agent-mesh/wire'
import { createHost, type MemberServices, type TestHost, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { memberProtocols, type MemberProtocols } from '../../src/admission/member-protocols.ts'
import { memberGossip } from '../../src/gossip/member-gossip.ts'
import { createReplication, type ReplicationInit } from '../../src/replication/replication.ts'
import { growingSet, versionedDocument, type DocumentReplica, type SetReplica } from './replicas.ts'
import type { GossipSub } from '@libp2p/gossipsub'
import type { ErrorCode } from '@agent-mesh/wire'
import type { RunningReplication, SyncReport } from '../../src/replication/interface.ts'

type Services = { members: MemberProtocols; pubsub: GossipSub } & MemberServices

/** A member on 127.0.0.1 that holds one document and one set. */
export interface SyncMember {
  member: TestMember
  host: TestHost<Services>
  document: DocumentReplica
  set: SetReplica
  replication: RunningReplication
  refusals: Array<{ from: string; code: ErrorCode }>
  syncs: SyncReport[]
  failures: ErrorCode[]
  stop: () => Promise<void>
}

const running: SyncMember[] = []

/** Fifty hosts in one process are slow; what is late here is the test, not the peer. */
const slowHelloMs = 30_000

export const startMember = async (
  network: TestNetwork,
  name: string | TestMember,
  options: Partial<ReplicationInit> = {}
): Promise<SyncMember> => {
  const member = typeof name === 'string' ? await network.member(name) : name
  const { networkId } = network
  const host = await createHost({
    network,
    member,
    admission: { helloTimeoutMs: slowHelloMs },
    libp2p: {
      connectionMonitor: { protocolPrefix: protocols(networkId).prefix, pingTimeout: { minTimeout: 30_000 } }
    },
    services: { members: memberProtocols(), pubsub: memberGossip({ networkId, topics: [syncTopic(networkId)] }) }
  })
  const { admission, pubsub, members } = host.libp2p.services
  const [document, set] = [versionedDocument(), growingSet()]
  const refusals: SyncMember['refusals'] = []
  const syncs: SyncReport[] = []
  const failures: ErrorCode[] = []
  const replication = createReplication({
    replicas: [document, set],
    networkId,
    self: member.peerId,
    admission,
    pubsub,
    onRefused: (_, from, code) => refusals.push({ from: from.toString(), code }),
    onSynced: (_, report) => syncs.push(report),
    onSyncFailed: (_, code) => failures.push(code),
    ...options
  })
  await members.handle(protocols(networkId).sync, replication.handler, replication.handlerOptions)
  replication.start()
  let isRunning = true
  const started: SyncMember = {
    member,
    host,
    document,
    set,
    replication,
    refusals,
    syncs,
    failures,
    stop: async () => {
      if (!isRunning) return
      isRunning = false
      replication.stop()
      await host.stop()
    }
  }
  running.push(started)
  return started
}

export const stopMembers = async (): Promise<void> => {
  await Promise.all(running.splice(0).map(async (member) => member.stop()))
}

export const connect = async (from: SyncMember, to: SyncMember): Promise<void> => {
  await from.host.libp2p.dial(to.host.libp2p.getMultiaddrs())
  await from.host.libp2p.services.admission.wait(to.member.peerId)
  await until(() => to.host.libp2p.services.admission.has(from.member.peerId))
}

export const disconnect = async (from: SyncMember, to: SyncMember): Promise<void> => {
  await from.host.libp2p.hangUp(to.member.peerId)
  await until(() => !to.host.libp2p.services.admission.has(from.member.peerId))
}

/** Everybody with everybody. */
export const connectAll = async (members: SyncMember[]): Promise<void> => {
  for (const [index, from] of members.entries()) {
    for (const to of members.slice(0, index)) await connect(from, to)
  }
}

/** Each has heard that each of its neighbours listens; a message before that goes nowhere. */
export const gossiping = async (members: SyncMember[], network: TestNetwork, ms = 20_000): Promise<void> => {
  const topic = syncTopic(network.networkId)
  await until(
    () =>
      members.every(({ host: { libp2p } }) => {
        const subscribers = libp2p.services.pubsub.getSubscribers(topic).length
        return subscribers >= libp2p.services.admission.members().length && subscribers > 0
      }),
    ms
  )
}

/** Waits for a condition that nothing announces. */
export const until = async (isTrue: () => boolean, ms = 10_000): Promise<void> => {
  const end = performance.now() + ms
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${isTrue.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
