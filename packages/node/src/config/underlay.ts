import { z } from 'zod'

/** Watching of the network below the mesh. */
export const underlaySection = z
  .strictObject({
    echoes: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether lost packets are looked for by UDP echoes with members: on paths that carry tunnels, and on three others. `auto`: on all but those that stay on this machine.'
      )
  })
  .prefault({})
