import type { RevocationStore } from '@agent-mesh/control-plane'
import type { StateFiles } from './documents.ts'

/** The revocations that this node holds, in `revocations.json`. A damaged file is not begun anew: who was put out would be back. */
export const revocationStore = ({ revocations }: Pick<StateFiles, 'revocations'>): RevocationStore => ({
  load: async () => ((await revocations.read()) ?? []).map((text) => new Uint8Array(Buffer.from(text, 'base64'))),
  save: async (items) => revocations.write(items.map((item) => Buffer.from(item).toString('base64')))
})
