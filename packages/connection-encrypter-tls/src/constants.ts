/** https://github.com/libp2p/specs/blob/master/tls/tls.md */
export const protocol = '/tls/1.0.0'

/** ALPN name of a side that negotiates its muxer later, or of a connection that gets none. */
export const plainAlpn = 'libp2p'

/** Object identifier of the certificate extension that names the key of the host. */
export const keyExtension = '1.3.6.1.4.1.53594.1.1'

/** What the host's key signs, before the public key of the certificate. */
export const signaturePrefix = 'libp2p-tls-handshake:'

/**
 * AES-GCM first: processors have instructions for it. Node takes the suites of TLS 1.3 from the same list as older ones.
 */
export const cipherSuites = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'

/** At its stock 64 KiB a TLS socket says after every frame that it is full. */
export const socketBufferBytes = 1024 * 1024
