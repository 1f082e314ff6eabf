import { isIP } from 'node:net'
import { z } from 'zod'
import { limits } from '@agent-mesh/wire'

/** `host:port` of a STUN server; the host may be a name. */
const stunServer = z.string().superRefine((text, context) => {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const isHost = isIP(bare) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(bare)
  if (!isHost || Number(port) < 1 || Number(port) > 65_535)
    context.addIssue({ code: 'custom', message: `"${text}" is not <host>:<port>, such as 203.0.113.7:3478` })
})

/** What `mesh.yaml` may say of connections over UDP. */
export const webRtcSection = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether a peer that only a relay reaches is also tried over UDP, by WebRTC.'),
    stun: z
      .array(stunServer)
      .max(limits.stunServers)
      .default([])
      .describe(
        'STUN servers of your own, `host:port`, that are asked for this node’s mapped address. Public ones are never asked unless they are listed here.'
      )
  })
  .prefault({})
