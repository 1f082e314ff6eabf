import type { Command } from '../command.ts'
import { programVersion } from '../version.ts'

export const version: Command = {
  command: 'version',
  describe: 'Show the version of this program and of the Node that runs it.',
  examples: [{ command: 'mesh-node version --json', describe: 'for a script' }],
  handler: async (_input, context) => {
    const found = { version: programVersion(), node: process.versions.node }
    context.print(found, () => [`mesh-node ${found.version} on Node ${found.node}`])
  }
}
