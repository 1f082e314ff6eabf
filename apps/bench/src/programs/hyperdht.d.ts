/** What of `hyperdht` is used; it brings no types. */
declare module 'hyperdht' {
  import type { Duplex } from 'node:stream'

  interface KeyPair {
    publicKey: Buffer
    secretKey: Buffer
  }

  interface Server {
    listen: (keyPair: KeyPair) => Promise<void>
  }

  interface Options {
    /** `host:port`, in the place of public nodes. */
    bootstrap: string[]
    host: string
    port?: number
    ephemeral?: boolean
    firewalled?: boolean
  }

  class HyperDHT {
    constructor(options: Options)
    static keyPair(): KeyPair
    fullyBootstrapped(): Promise<void>
    createServer(onConnection: (stream: Duplex) => void): Server
    connect(publicKey: Buffer): Duplex
  }

  export = HyperDHT
}
