import type { Contender } from './contender.ts'

/** The cable itself, which all others are compared with. */
export const direct: Contender = {
  name: 'direct',
  describe: 'plain TCP',
  isEncrypted: false,
  missing: () => undefined,
  open: async ({ far }, ports) => ({
    ends: ports.map((port) => ({ host: far.address, port })),
    pids: [],
    close: async () => {}
  })
}
