import { expect, it } from 'vitest'
import { encryptionLines } from '../src/encryption.ts'
import type { Comparison, Sample } from '../src/summary.ts'

const comparison = (samples: Record<string, Sample[]>): Comparison => ({
  workload: 'stream',
  describe: '',
  metrics: { up: { unit: 'bit/s', isHigherBetter: true }, down: { unit: 'bit/s', isHigherBetter: true } },
  samples,
  skipped: {},
  loads: []
})

const plain = [{ up: 4e9, down: 2e9, cpuSecondsPerGiB: 2 }]

it('is what TLS takes of the rates without it, and adds to the processor time', () => {
  const tls = [{ up: 3e9, down: 1.8e9, cpuSecondsPerGiB: 3.5 }]
  expect(encryptionLines(comparison({ 'libp2p-tls': tls, 'libp2p-plaintext': plain }))).toEqual([
    '  encryption takes 25 % up, 10 % down of the rate of two bare libp2p hosts, and 1.50 s of processor time per GiB'
  ])
})

it('is not told where one of the two took no part', () => {
  expect(encryptionLines(comparison({ 'libp2p-plaintext': plain }))).toEqual([])
})
