import type { Membership } from './certificate.ts'

/** Where a certificate stands in its life. It is renewed in its last third, and warned of in its last tenth. */
export type CertificateStage = 'fresh' | 'due' | 'urgent' | 'over'

const dueShare = 1 / 3
const urgentShare = 1 / 10

/** The share of its life that a certificate has left, 0 to 1. */
export const lifeLeft = (
  { issuedMs, notAfterMs }: Pick<Membership, 'issuedMs' | 'notAfterMs'>,
  nowMs: number
): number => Math.min(1, Math.max(0, (notAfterMs - nowMs) / Math.max(1, notAfterMs - issuedMs)))

export const certificateStage = (
  membership: Pick<Membership, 'issuedMs' | 'notAfterMs'>,
  nowMs: number
): CertificateStage => {
  const left = lifeLeft(membership, nowMs)
  if (left === 0) return 'over'
  if (left < urgentShare) return 'urgent'
  return left < dueShare ? 'due' : 'fresh'
}
