import { isIP } from 'node:net'
import { deadline, searchMtu, type EchoSession } from '@agent-mesh/control-plane'
import { limits, MeshError } from '@agent-mesh/wire'
import type { PathMtu } from '@agent-mesh/wire/api'
import { pingWhole } from '../host/ping.ts'
import { isFragmentingForbidden, readRoute } from '../host/route.ts'

/** Below this no path of IPv4 is in use today; IPv6 allows nothing smaller than 1280. */
const leastMtu = 576
/** Where the system does not tell: Ethernet. */
const usualLinkMtu = 1_500
/** At a loss of 10 %, one size in 10,000 is taken for too large. */
const tries = 4
const answerMs = 300
/** Of a ping, until the round trip is known. */
const firstPingMs = 1_000
const worksMs = 5_000
const pollMs = 50

const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}

const untilWorks = async (session: EchoSession, signal: AbortSignal): Promise<number> => {
  const until = deadline(worksMs, signal)
  for (;;) {
    const { udp, rttMs = 0 } = session.figures(performance.now())
    if (udp === 'works') return rttMs
    if (until.aborted)
      throw new MeshError('UNREACHABLE', `No UDP echo comes back from ${session.host}: its port is blocked.`, {
        hint: 'The largest packet is looked for over UDP; let it through to the port with the number of the TCP port.'
      })
    await wait(pollMs, until)
  }
}

/** Headers of IP and of UDP. */
const headersTo = (host: string): number => (isIP(host) === 6 ? 48 : 28)

/** Sizes that are tried. */
interface Range {
  /** Passes on every path. */
  least: number
  linkMtu: number
}

/**
 * The largest packet there and back by datagrams of many sizes; either is absent where not even the least passes.
 * @throws MeshError UNREACHABLE where UDP does not pass, CONNECTION_LOST, TIMEOUT, CANCELLED
 */
const searchByUdp = async (
  session: EchoSession,
  { least, linkMtu }: Range,
  signal: AbortSignal
): Promise<{ out: number; back?: number }> => {
  const rttMs = await untilWorks(session, signal)
  const { host } = session
  const headers = headersTo(host)
  const passes = async (bytes: number, answerBytes: number): Promise<boolean> => {
    for (let count = 0; count < tries; count++) {
      signal.throwIfAborted()
      const until = deadline(answerMs + 3 * rttMs, signal)
      const isAnswered = await session.sized(bytes - headers, answerBytes, until)
      if (isAnswered === undefined) throw new MeshError('CONNECTION_LOST', `The path to ${host} has ended meanwhile.`)
      if (isAnswered) return true
    }
    return false
  }
  const out = await searchMtu(least, linkMtu, async (bytes) => passes(bytes, limits.echoBytes))
  // Where not even these pass, UDP has been shut off meanwhile, and nothing is known of sizes.
  if (out === undefined)
    throw new MeshError('UNREACHABLE', `UDP datagrams of ${least} bytes to ${host} are not answered.`)
  // A router that says so lets the kernel take the next ones apart: they pass, in pieces.
  const told = (await readRoute(host))?.toldMtu
  const largest = told !== undefined && told < linkMtu ? Math.min(told, out) : out
  const back = await searchMtu(least, largest, async (bytes) => passes(largest, bytes - headers))
  return { out, ...(back === undefined ? {} : { back }) }
}

/**
 * The largest packet that comes back as long as it went, by `ping`.
 * @returns the reason where that cannot be told
 */
const searchByPing = async (
  host: string,
  { least, linkMtu }: Range,
  signal: AbortSignal
): Promise<{ largest: number } | { reason: string }> => {
  const first = await pingWhole(host, least, firstPingMs, signal)
  if (first.state === 'unable') return { reason: first.reason }
  if (first.state === 'silent') return { reason: `${host} answers no ping` }
  const waitMs = answerMs + 3 * first.rttMs
  const passes = async (bytes: number): Promise<boolean> =>
    (await pingWhole(host, bytes, waitMs, signal)).state === 'answered'
  return { largest: (await searchMtu(least, linkMtu, passes)) ?? least }
}

export interface PathMtuInit {
  /** Where the path in use leads to. */
  host: string
  /** UDP echoes to it, opened where they are needed. */
  session: () => Promise<EchoSession>
  /** Whether `ping` is tried first: a person asked. */
  mayPing: boolean
}

/**
 * The largest packet on the path to a host, there and back: by `ping`, where there is one and the host answers it, and by UDP
 * datagrams of many sizes, where it does not, or where each way is to be told from the other.
 * @throws MeshError UNREACHABLE where neither passes, TIMEOUT, CANCELLED
 */
export const measurePathMtu = async (
  { host, session, mayPing }: PathMtuInit,
  signal: AbortSignal
): Promise<PathMtu> => {
  const before = await readRoute(host)
  const linkMtu = Math.min(before?.linkMtu ?? usualLinkMtu, limits.echoSizedBytes + headersTo(host))
  const range = { least: leastMtu, linkMtu }
  // At once: a connection over a path that swallows packets may end soon, and the echoes with it.
  const needless = new AbortController()
  const both = AbortSignal.any([signal, needless.signal])
  const searching = session().then(async (open) => searchByUdp(open, range, both))
  searching.catch(() => undefined)
  const pinged = mayPing ? await searchByPing(host, range, signal) : undefined
  const byPing = pinged !== undefined && 'largest' in pinged ? pinged.largest : undefined
  if (byPing === linkMtu) needless.abort(new MeshError('CANCELLED'))
  const byUdp =
    byPing === linkMtu
      ? undefined
      : await searching.catch((err: unknown) => {
          // where a ping has told, nothing more has to be known
          if (byPing === undefined || signal.aborted) throw err
          return undefined
        })
  const { out, back } = byUdp ?? { out: byPing ?? leastMtu, back: byPing ?? leastMtu }
  const after = await readRoute(host)
  const told = after?.toldMtu
  const isTold = told !== undefined && told < linkMtu
  const { device, gateway } = after ?? before ?? {}
  return {
    method: await methodOf(pinged, byUdp !== undefined),
    linkMtu,
    out: isTold ? Math.min(told, out) : out,
    ...(back === undefined ? {} : { back }),
    isTold,
    // Small ones pass, large ones vanish, and nobody says so to whoever sends them.
    isBlackHole: !isTold && (out < linkMtu || back !== out),
    ...(device === undefined ? {} : { route: { device, ...(gateway === undefined ? {} : { gateway }) } })
  }
}

const methodOf = async (
  pinged: { largest: number } | { reason: string } | undefined,
  isUdp: boolean
): Promise<string> => {
  const udp = (await isFragmentingForbidden())
    ? 'UDP datagrams that no router may take apart'
    : 'UDP datagrams that routers may take apart'
  if (pinged === undefined) return udp
  if ('reason' in pinged) return `${udp}, since ${pinged.reason}`
  return isUdp
    ? `ping -M do (${pinged.largest} bytes both ways), and each way by ${udp}`
    : 'ping -M do, both ways at once'
}
