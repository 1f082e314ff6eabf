import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { toMeshError } from '@agent-mesh/wire/errors'
import type { PeerDocument, Status } from '@agent-mesh/wire/api'
import { stateFiles } from '../state/documents.ts'
import type { Facts, NodeFacts } from './checks.ts'

/** The running node, as far as it is asked. */
export interface Asked {
  /** @throws MeshError NO_DAEMON and others */
  status: () => Promise<Status>
  peers: () => Promise<PeerDocument[]>
}

/** Short questions to the node; the slowest answer tells how long its event loop stood still. */
const questions = 5
const mostDials = 8
const dialMs = 3_000

const modeOf = async (path: string): Promise<{ path: string; mode: number } | undefined> =>
  stat(path).then(
    ({ mode }) => ({ path, mode: process.platform === 'win32' ? 0o600 : mode & 0o777 }),
    () => undefined
  )

const freeOf = async (path: string): Promise<number | undefined> =>
  statfs(path).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined
  )

/** Of another process, as Linux shows it. */
const readDescriptors = async (pid: number): Promise<NodeFacts['descriptors']> => {
  try {
    const [open, limitsText] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/limits`, 'utf8')])
    const most = /^Max open files\s+(\d+)/m.exec(limitsText)?.[1]
    return most === undefined ? undefined : { open: open.length, most: Number(most) }
  } catch {
    return undefined
  }
}

const dial = async (host: string, port: number): Promise<boolean> => {
  const socket = connect({ host, port })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.setTimeout(dialMs, () => resolve(false))
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

/** Of an address that a program without the mesh can dial. */
const directTcp = (address: string): { host: string; port: number } | undefined => {
  const [, host, port] = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)(?:\/p2p\/[^/]+)?$/.exec(address) ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}

/** Where this node has dialled a member, another program can as well; where a member has dialled it, nobody knows. */
const readDials = async (peers: PeerDocument[]): Promise<NodeFacts['dials']> => {
  const found = peers
    .filter(({ direction }) => direction === 'outbound')
    .flatMap(({ addresses }) => addresses.flatMap((address) => directTcp(address) ?? []).slice(0, 1))
    .slice(0, mostDials)
  return Promise.all(
    found.map(async ({ host, port }) => ({ address: `${host}:${port}`, isReached: await dial(host, port) }))
  )
}

const readNode = async (asked: Asked): Promise<NodeFacts> => {
  let slowestAnswerMs = 0
  let status = await asked.status() // the first question waits for more than the node: code is loaded
  for (let count = 0; count < questions; count++) {
    const startedMs = performance.now()
    status = await asked.status()
    slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - startedMs)
  }
  const peers = await asked.peers()
  const [descriptors, dials] = await Promise.all([readDescriptors(status.pid), readDials(peers)])
  return { status, peers, slowestAnswerMs, dials, ...(descriptors === undefined ? {} : { descriptors }) }
}

/** Reads what the checks go by, from outside the node. */
export const readFacts = async (stateDir: string, asked: Asked): Promise<Facts> => {
  const [key, freeBytes, node] = await Promise.all([
    modeOf(stateFiles(stateDir).identityKey),
    freeOf(stateDir),
    readNode(asked).catch((err: unknown) => {
      const { code, message, hint } = toMeshError(err, 'INTERNAL')
      return { code, message, hint }
    })
  ])
  return {
    nowMs: Date.now(),
    stateDir,
    node,
    ...(key === undefined ? {} : { key }),
    ...(freeBytes === undefined ? {} : { freeBytes })
  }
}
