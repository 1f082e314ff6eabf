import type { PeerDocument, Status } from '@agent-mesh/wire/api'
import { clockText, readClock } from './clock.ts'

/** `skip`: it could not be looked at, and `text` says why. */
export type Verdict = 'pass' | 'warn' | 'fail' | 'skip'

export interface Check {
  name: string
  verdict: Verdict
  text: string
  /** What mends it. */
  remedy?: string
}

/** What the running node says. */
export interface NodeFacts {
  status: Status
  peers: PeerDocument[]
  /** The slowest of a few short questions to the node, in milliseconds: its event loop stood still so long. */
  slowestAnswerMs: number
  /** Absent where the system does not tell. */
  descriptors?: { open: number; most: number }
  /** TCP connections that were tried to addresses of members by another process than the node. */
  dials: Array<{ address: string; isReached: boolean }>
}

/** Everything that the checks go by; reading it is a matter of {@link readFacts}. */
export interface Facts {
  nowMs: number
  stateDir: string
  /** Absent where there is no key. */
  key?: { path: string; mode: number }
  freeBytes?: number
  /** Why the node does not answer. */
  node: NodeFacts | { code: string; message: string; hint: string }
}

const MB = 1_000_000
/** A node stops to write its state below the lower one; the audit log alone may take 144 MB. */
const diskBytes = { warn: 200 * MB, fail: 20 * MB }
/** Probes of health wait 500 ms for an answer: a longer halt makes a node look dead. */
const haltMs = { warn: 250, fail: 1_000 }
/** Above this share of its descriptors a node is near to refusing connections. */
const descriptorShare = 0.8
/** A path is left when it was silent for 7 s; whoever is silent for longer has none. */
const silentMs = 7_000
const certificateWarnMs = 3 * 86_400_000

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const names = (peers: PeerDocument[]): string =>
  peers
    .slice(0, 5)
    .map((one) => one.name ?? one.peerId)
    .join(', ') + (peers.length > 5 ? ', …' : '')

const keyCheck = ({ key, stateDir }: Facts): Check => {
  if (key === undefined)
    return { name: 'key', verdict: 'fail', text: `There is no key in ${stateDir}.`, remedy: 'mesh-node join <ticket>' }
  const mode = key.mode.toString(8).padStart(4, '0')
  return (key.mode & 0o077) === 0
    ? { name: 'key', verdict: 'pass', text: `${key.path} belongs to its owner alone.` }
    : {
        name: 'key',
        verdict: 'fail',
        text: `${key.path} can be read by others (mode ${mode}).`,
        remedy: `chmod 600 ${key.path}`
      }
}

const diskCheck = ({ freeBytes, stateDir }: Facts): Check => {
  if (freeBytes === undefined)
    return { name: 'disk', verdict: 'skip', text: `The free space of ${stateDir} is unknown.` }
  const text = `${Math.floor(freeBytes / MB)} MB are free for ${stateDir}.`
  if (freeBytes >= diskBytes.warn) return { name: 'disk', verdict: 'pass', text }
  const verdict = freeBytes < diskBytes.fail ? 'fail' : 'warn'
  return { name: 'disk', verdict, text, remedy: 'Free some space, or set audit.keep lower.' }
}

const certificateCheck = ({ nowMs }: Facts, { status }: NodeFacts): Check => {
  const name = 'certificate'
  const bad = status.warnings.find(({ code }) => code === 'REVOKED' || code === 'CERTIFICATE_EXPIRED')
  if (bad !== undefined) return { name, verdict: 'fail', text: bad.message, remedy: bad.hint }
  const { notAfter } = status.network.certificate
  const leftMs = Date.parse(notAfter) - nowMs
  return leftMs > certificateWarnMs
    ? { name, verdict: 'pass', text: `It is valid until ${notAfter}.` }
    : { name, verdict: 'warn', text: `It ends at ${notAfter}.`, remedy: 'mesh-node cert renew' }
}

/** The members' digests carry their clocks; a digest is never older than it was on its way and waited for the next one. */
const clockCheck = ({ nowMs }: Facts, { peers }: NodeFacts): Check => {
  const reading = readClock(peers, nowMs)
  const [name, text] = ['clock', clockText(reading)]
  if (reading.isAgreeing === undefined) return { name, verdict: 'skip', text }
  return reading.isAgreeing
    ? { name, verdict: 'pass', text }
    : { name, verdict: 'warn', text, remedy: 'timedatectl set-ntp true' }
}

const membersCheck = (_: Facts, { status }: NodeFacts): Check => {
  const { connected, known } = status.peers
  const name = 'members'
  if (connected > 0) return { name, verdict: 'pass', text: `${connected} of ${known} known members are connected.` }
  return known === 0
    ? { name, verdict: 'warn', text: 'No other member is known.', remedy: 'mesh-node invite' }
    : { name, verdict: 'fail', text: `None of ${known} known members is connected.`, remedy: 'mesh-node netcheck' }
}

const outsideCheck = (_: Facts, { dials }: NodeFacts): Check => {
  const name = 'reach'
  const reached = dials.filter(({ isReached }) => isReached)
  if (dials.length === 0)
    return { name, verdict: 'skip', text: 'No member is connected by an address that another program could try.' }
  return reached.length > 0
    ? {
        name,
        verdict: 'pass',
        text: `${reached.length} of ${dials.length} addresses of members accept TCP from this machine.`
      }
    : {
        name,
        verdict: 'fail',
        text: `No other program than the node reaches ${dials.map(({ address }) => address).join(', ')}.`,
        remedy: 'Look at the firewall of this machine and at rules for single programs.'
      }
}

const islandCheck = (_: Facts, { status }: NodeFacts): Check => {
  const { connected, routingTable } = status.peers
  const name = 'dht'
  if (connected === 0) return { name, verdict: 'skip', text: 'No member is connected.' }
  return routingTable > 0
    ? { name, verdict: 'pass', text: `${routingTable} members are in the routing table.` }
    : {
        name,
        verdict: 'fail',
        text: `${connected} members are connected and none is in the routing table: lookups ask nobody.`,
        remedy: 'mesh-node down, then mesh-node up; if it stays so, mesh-node status --json helps to report it.'
      }
}

const recordCheck = (_: Facts, { status }: NodeFacts): Check => {
  const { publication } = status
  const name = 'record'
  if (publication?.pending !== undefined)
    return {
      name,
      verdict: 'warn',
      text: publication.pending.reason,
      remedy: 'It is tried again by itself; mesh-node peers'
    }
  return publication === undefined
    ? { name, verdict: 'skip', text: 'Nothing has been published yet.' }
    : { name, verdict: 'pass', text: `It is stored by ${publication.storedBy} members.` }
}

const relayCheck = (_: Facts, { peers }: NodeFacts): Check => {
  const name = 'paths'
  const relayed = peers.filter(({ path }) => path === 'relayed')
  const [first] = relayed
  if (first === undefined) return { name, verdict: 'pass', text: 'No member is reached through a relay.' }
  const why = first.pathReason === undefined ? '' : ` (${first.pathReason})`
  const carried = relayed.filter(({ carrier }) => carrier !== undefined)
  if (carried.length > 0)
    return {
      name,
      verdict: 'warn',
      text: `${carried.length} members are reached through a carrier, which ends each connection at its limits: ${names(carried)}${why}.`,
      remedy: 'relay: { serve: on } on a member that others can dial; it relays without such limits.'
    }
  return {
    name,
    verdict: 'warn',
    text: `${relayed.length} members are reached through a relay: ${names(relayed)}${why}.`,
    remedy: `mesh-node ping ${first.name ?? first.peerId} --until-direct; mesh-node netcheck`
  }
}

const carriersCheck = (_: Facts, { status }: NodeFacts): Check => {
  const name = 'carriers'
  const { carriers = [] } = status
  const refused = carriers.filter(({ state }) => state === 'refused')
  const [first] = refused
  if (carriers.length === 0)
    return { name, verdict: 'pass', text: 'No relay of another network is used (relay.carriers).' }
  if (first !== undefined)
    return {
      name,
      verdict: refused.length === carriers.length ? 'fail' : 'warn',
      text: `${refused.length} of ${carriers.length} carriers give no place: ${first.reason ?? first.peerId}`,
      remedy: first.hint ?? 'mesh-node netcheck'
    }
  const held = carriers.filter(({ state }) => state === 'held').length
  return {
    name,
    verdict: 'pass',
    text: held === 0 ? 'None of the carriers is needed.' : `${held} of ${carriers.length} carriers hold a place.`
  }
}

const silenceCheck = (_: Facts, { peers }: NodeFacts): Check => {
  const name = 'silence'
  const connected = peers.filter(({ state }) => state === 'connected')
  const silent = connected.filter(({ health }) => (health?.stalledMs ?? 0) > silentMs)
  const [first] = silent
  if (first === undefined)
    return { name, verdict: 'pass', text: `All ${connected.length} connected members answer probes.` }
  return {
    name,
    verdict: 'warn',
    text: `Connected, but without an answer for more than ${seconds(silentMs)}: ${names(silent)}.`,
    remedy: `mesh-node why ${first.name ?? first.peerId}`
  }
}

const packetsCheck = (_: Facts, { peers }: NodeFacts): Check => {
  const name = 'packets'
  const watched = peers.filter(({ underlay }) => underlay?.udp === 'works')
  const swallowing = peers.filter(({ underlay }) => underlay?.mtu?.isBlackHole === true)
  const losing = watched.filter(({ underlay }) => underlay?.out?.isLossy === true || underlay?.in?.isLossy === true)
  const [hole] = swallowing
  if (hole !== undefined)
    return {
      name,
      verdict: 'warn',
      text: `Large packets vanish on the paths to ${names(swallowing)}.`,
      remedy: `mesh-node doctor --mtu ${hole.name ?? hole.peerId}`
    }
  if (losing.length > 0)
    return {
      name,
      verdict: 'warn',
      text: `Packets are lost on the paths to ${names(losing)}.`,
      remedy: 'mesh-node status; look at the network between the hosts, below the mesh.'
    }
  return watched.length === 0
    ? { name, verdict: 'skip', text: 'No path is watched by UDP echoes.' }
    : { name, verdict: 'pass', text: `Nothing says that packets are lost on ${watched.length} watched paths.` }
}

const loopCheck = (_: Facts, { slowestAnswerMs }: NodeFacts): Check => {
  const name = 'event loop'
  const text = `The slowest of the node's answers took ${Math.round(slowestAnswerMs)} ms.`
  if (slowestAnswerMs < haltMs.warn) return { name, verdict: 'pass', text }
  return {
    name,
    verdict: slowestAnswerMs < haltMs.fail ? 'warn' : 'fail',
    text: `${text} Members probe it every second and take longer halts for death.`,
    remedy: 'mesh-node top; give the node more of the processor.'
  }
}

const descriptorCheck = (_: Facts, { descriptors }: NodeFacts): Check => {
  const name = 'descriptors'
  if (descriptors === undefined)
    return { name, verdict: 'skip', text: 'This system does not show the descriptors of the node.' }
  const { open, most } = descriptors
  const text = `${open} of ${most} are open.`
  return open < most * descriptorShare
    ? { name, verdict: 'pass', text }
    : { name, verdict: 'warn', text, remedy: 'ulimit -n 65536 in the shell, or LimitNOFILE= of the service' }
}

const ofNode: Array<[name: string, check: (facts: Facts, node: NodeFacts) => Check]> = [
  ['certificate', certificateCheck],
  ['clock', clockCheck],
  ['members', membersCheck],
  ['reach', outsideCheck],
  ['dht', islandCheck],
  ['record', recordCheck],
  ['paths', relayCheck],
  ['carriers', carriersCheck],
  ['silence', silenceCheck],
  ['packets', packetsCheck],
  ['event loop', loopCheck],
  ['descriptors', descriptorCheck]
]

/** Every check in the order in which one depends on another. Those of a node that does not answer are skipped. */
export const judge = (facts: Facts): Check[] => {
  const { node } = facts
  const local = [keyCheck(facts), diskCheck(facts)]
  if ('code' in node)
    return [
      ...local,
      { name: 'node', verdict: 'fail', text: node.message, remedy: node.hint },
      ...ofNode.map(([name]): Check => ({ name, verdict: 'skip', text: 'The node does not answer.' }))
    ]
  const { version, pid } = node.status
  return [
    ...local,
    { name: 'node', verdict: 'pass', text: `Version ${version} answers as process ${pid}.` },
    ...ofNode.map(([, check]) => check(facts, node))
  ]
}
