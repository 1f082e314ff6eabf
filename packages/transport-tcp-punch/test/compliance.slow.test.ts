import transportSuite from '@libp2p/interface-compliance-tests/transport'
import { yamux } from '@libp2p/yamux'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import { isPunched } from '../src/address.ts'
import { punchedTransport } from './compliance/punched-transport.ts'

/** What the suite expects of its runner, where this one differs. */
interface SuiteThis {
  timeout: (ms: number) => void
  skip: () => void
}

type SuiteTest = (this: SuiteThis) => Promise<void>

const suiteTimeoutMs = 180_000

const suiteIt = (name: string, run: SuiteTest): void => {
  it(name, { timeout: suiteTimeoutMs }, async (context) => run.call({ timeout: () => {}, skip: () => context.skip() }))
}

// What a suite describes is collected after it has returned.
const suiteDescribe = (name: string, body: () => void): void => {
  describe(name, () => {
    Object.assign(globalThis, { it: suiteIt })
    body()
  })
}

/** Gives the suite the runner that it expects. */
const offer = (): void => {
  Object.assign(globalThis, { describe: suiteDescribe, before: beforeAll, after: afterAll, beforeEach, afterEach })
}

const matcher = { matches: isPunched, exactMatch: isPunched, matchers: [] }
const addresses = { listen: ['/ip4/127.0.0.1/tcp/0/punched', '/ip4/127.0.0.1/tcp/0/punched'] }

const run = (encryption: object): void => {
  offer()
  const common = {
    transports: [punchedTransport],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 },
    ...encryption
  }
  transportSuite({
    setup: async () => ({
      dialer: common,
      listener: { ...common, addresses },
      dialMultiaddrMatcher: matcher,
      listenMultiaddrMatcher: matcher
    }),
    teardown: async () => {}
  })
}

describe("libp2p's transport suite on two sockets that connect to each other", () => {
  describe('in plain text', () => run({}))

  describe('with TLS on the socket', () => run({ connectionEncrypters: [nativeTls()] }))
})
