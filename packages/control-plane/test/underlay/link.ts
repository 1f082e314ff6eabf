import { seededRandom } from '@agent-mesh/testkit'
import { EchoAnswerer } from '../../src/underlay/echo-answerer.ts'
import { EchoDriver, type LinkFigures } from '../../src/underlay/echo-driver.ts'

export interface LinkRun {
  seed: number
  /** Shares of lost packets, from `cleanMs` on. */
  out: number
  in: number
  cleanMs?: number
  forMs: number
  /** From here to there nothing passes. */
  outage?: [fromMs: number, toMs: number]
  isUsed?: boolean
}

export interface LinkReport {
  /** When a direction was first called lossy, since the loss began; by either side. */
  named: { out?: number; in?: number }
  figures: LinkFigures
  packets: number
}

/** The two sides of a session with a link between them that loses packets, in virtual time. */
export const runLink = ({ seed, out, in: back, cleanMs = 0, forMs, outage, isUsed = true }: LinkRun): LinkReport => {
  const random = seededRandom(seed)
  const driver = new EchoDriver(0)
  const answerer = new EchoAnswerer(0)
  driver.isUsed = isUsed
  const named: LinkReport['named'] = {}
  let packets = 0
  const passes = (share: number, nowMs: number): boolean =>
    !(outage !== undefined && nowMs >= outage[0] && nowMs < outage[1]) && random.next() >= (nowMs < cleanMs ? 0 : share)
  for (let nowMs = 0; nowMs < cleanMs + forMs; nowMs = Math.max(nowMs + 0.001, driver.nextMs(nowMs))) {
    const request = driver.request(nowMs)
    packets++
    if (passes(out, nowMs)) {
      const answer = answerer.requested(request.sequence, request.arrivals, nowMs)
      if (answer !== undefined && passes(back, nowMs))
        driver.answered(answer.sequence, request.sequence, answer.arrivals, nowMs + 0.5)
    }
    const [here, there] = [driver.figures(nowMs), answerer.figures(nowMs)]
    if (here.out?.isLossy === true || there.in?.isLossy === true) named.out ??= nowMs - cleanMs
    if (here.in?.isLossy === true || there.out?.isLossy === true) named.in ??= nowMs - cleanMs
  }
  return { named, figures: driver.figures(cleanMs + forMs), packets }
}
