import { rssOf } from '../program.ts'
import { endOf, numberOf, runProgram, serveProgram } from './service.ts'
import type { Workload } from './workload.ts'

const sizeBytes = 2 ** 30
const sampleMs = 200

/** 1 GiB whose SHA-256 has to be right at the other end, and the most memory that a process of the way had meanwhile. */
export const file: Workload = {
  name: 'file',
  describe: '1 GiB, compared by SHA-256; memory is that of the largest process',
  metrics: {
    rate: { unit: 'bit/s', isHigherBetter: true },
    memory: { unit: 'MiB', isHigherBetter: false, isUneven: true }
  },
  missing: () => undefined,
  serve: async (place) => serveProgram(place, 'file-server'),
  turn: async (place, { ends, pids }) => {
    let most = 0
    const timer = setInterval(() => (most = Math.max(most, rssOf(pids))), sampleMs)
    try {
      const said = await runProgram(place, 'send-file', endOf(ends), String(sizeBytes))
      if (Object(said).isWhole !== true) throw new Error(`the file did not arrive whole: ${JSON.stringify(said)}`)
      const bitsPerSecond = (8_000 * sizeBytes) / numberOf(said, 'tookMs')
      return { figures: { rate: bitsPerSecond, memory: most / 2 ** 20 }, bytes: sizeBytes }
    } finally {
      clearInterval(timer)
    }
  }
}
