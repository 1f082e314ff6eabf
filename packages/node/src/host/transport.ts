import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import { limits } from '@agent-mesh/wire'
import { withEagerStreams } from './eager-streams.ts'
import { withLazyWindows } from './lazy-windows.ts'
import type { Libp2pInit } from 'libp2p'

/**
 * Most unread bytes of one stream. A paused yamux stream aborts once more arrives than may be buffered, so its window
 * must stop growing at the size of that buffer.
 */
const streamBufferBytes = 4 * 1024 * 1024

/** Control streams that a connection carries beside its tunnels. */
const controlStreams = 256

/** How bytes get from host to host: what members and joiners have in common. */
export const transport = (): Required<Pick<Libp2pInit, 'transports' | 'connectionEncrypters' | 'streamMuxers'>> => ({
  transports: [tcp()],
  // What TLS lends, the muxer gives back. TLS on the native socket takes a third of the processor time of noise, which is for those that lack it
  connectionEncrypters: [nativeTls({ lends: true }), noise()],
  streamMuxers: [
    withEagerStreams(
      withLazyWindows(
        yamux({
          maxInboundStreams: limits.tunnelsPerPeer + controlStreams,
          maxOutboundStreams: limits.tunnelsPerPeer + controlStreams,
          streamOptions: { maxStreamWindowSize: streamBufferBytes, maxReadBufferLength: streamBufferBytes }
        })
      )
    )
  ]
})
