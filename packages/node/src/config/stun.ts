import { z } from 'zod'

/** Answering of STUN. */
export const stunSection = z
  .strictObject({
    serve: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe(
        'Whether this node tells whoever asks which address it has, by STUN on the UDP port with the number of its TCP port. `auto`: where one of its addresses, bound or announced, is a public one.'
      )
  })
  .prefault({})
