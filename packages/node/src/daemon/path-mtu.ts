import { isIP } from 'node:net'
import { deadline, searchMtu, type EchoSession } from '@agent-mesh/control-plane'
import { limits, MeshError } from '@agent-mesh/wire'
import type { PathMtu } from '@agent-mesh/wire/api'
import { isFragmentingForbidden, readRoute } from '../host/route.ts'

/** Below this no path of IPv4 is in use today; IPv6 allows nothing smaller than 1280. */
const leastMtu = 576
/** Where the system does not tell: Ethernet. */
const usualLinkMtu = 1_500
/** At a loss of 10 %, one size in 10,000 is taken for too large. */
const tries = 4
const answerMs = 300
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

/**
 * The largest packet on the path to a host, there and back, by datagrams of many sizes.
 * @throws MeshError UNREACHABLE where UDP does not pass, TIMEOUT, CANCELLED
 */
export const measurePathMtu = async (session: EchoSession, signal: AbortSignal): Promise<PathMtu> => {
  const rttMs = await untilWorks(session, signal)
  const { host } = session
  const headers = isIP(host) === 6 ? 48 : 28
  const before = await readRoute(host)
  const linkMtu = Math.min(before?.linkMtu ?? usualLinkMtu, limits.echoSizedBytes + headers)
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
  const out = await searchMtu(leastMtu, linkMtu, async (bytes) => passes(bytes, limits.echoBytes))
  // Where not even these pass, UDP has been shut off meanwhile, and nothing is known of sizes.
  if (out === undefined)
    throw new MeshError('UNREACHABLE', `UDP datagrams of ${leastMtu} bytes to ${host} are not answered.`)
  // A router that says so lets the kernel take the next ones apart: they pass, in pieces.
  const told = (await readRoute(host))?.toldMtu
  const isTold = told !== undefined && told < linkMtu
  const largest = isTold ? Math.min(told, out) : out
  const back = await searchMtu(leastMtu, largest, async (bytes) => passes(largest, bytes - headers))
  const isWhole = await isFragmentingForbidden()
  return {
    method: isWhole ? 'UDP datagrams that no router may take apart' : 'UDP datagrams that routers may take apart',
    linkMtu,
    out: largest,
    ...(back === undefined ? {} : { back }),
    isTold,
    // Small ones pass, large ones vanish, and nobody says so to whoever sends them.
    isBlackHole: !isTold && (out < linkMtu || back !== out)
  }
}
