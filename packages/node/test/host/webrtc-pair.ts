import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { multiaddr } from '@multiformats/multiaddr'
import { vi } from 'vitest'
import { memberOnly, memberProtocols, pathClassOf } from '@agent-mesh/control-plane'
import { createDataPlane, makeService, parseListenAddress, type PathResolver } from '@agent-mesh/data-plane'
import { createHost, createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits, parseTarget, protocols } from '@agent-mesh/wire'
import { webRtc, type WebRtcInit } from '../../src/host/webrtc.ts'
import type { Connection } from '@libp2p/interface'

const startRelay = async (network: TestNetwork) =>
  createHost({
    network,
    member: await network.member('relay'),
    services: {
      relay: memberOnly(circuitRelayServer({ reservations: { applyDefaultLimit: false } }), 'registrar')
    }
  })

/** A member that nobody can dial, with a data plane. */
const startHidden = async (
  network: TestNetwork,
  name: string,
  listen: string[],
  connection: () => Connection | undefined,
  init: Partial<WebRtcInit>
) => {
  const { networkId } = network
  const host = await createHost({
    network,
    member: await network.member(name),
    listen,
    transports: [memberOnly(circuitRelayTransport(), 'registrar')],
    services: {
      members: memberProtocols(),
      webrtc: memberOnly(webRtc({ networkId, stunServers: () => [], bindAddress: '127.0.0.1', ...init }), 'registrar')
    }
  })
  const resolver: PathResolver = {
    resolve: async (target) => {
      const peerId = connection()?.remotePeer
      if (peerId === undefined) throw new Error('nobody is connected')
      const service = target.kind === 'capability' ? undefined : target.service
      return [{ peerId, reason: 'the only one', ...(service === undefined ? {} : { service }) }]
    }
  }
  const plane = createDataPlane({
    resolver,
    authorizer: { mayOpen: () => ({ allowed: true, rule: 'test' }) },
    dialer: {
      open: async (_, protocol, { signal }) => {
        const open = connection()
        if (open === undefined) throw new Error('nobody is connected')
        const stream = await open.newStream(protocol, { signal, maxOutboundStreams: limits.tunnelsPerPeer })
        return { stream, path: pathClassOf(open) }
      }
    },
    protocol: protocols(networkId).tunnel,
    pathOf: pathClassOf
  })
  await host.libp2p.services.members.handle(protocols(networkId).tunnel, plane.handler, plane.handlerOptions)
  return { host, libp2p: host.libp2p, plane, webrtc: host.libp2p.services.webrtc }
}

/** Two members that reach each other through a third alone; the caller's tunnels use `use`, once it is set. */
export const startPair = async ({ caller: callerInit = {}, callee: calleeInit = {} }: PairInit = {}) => {
  const network = await createTestNetwork()
  let used: Connection | undefined
  const relay = await startRelay(network)
  const circuit = `${String(relay.libp2p.getMultiaddrs()[0])}/p2p-circuit`
  const callee = await startHidden(network, 'callee', [circuit], () => undefined, calleeInit)
  const caller = await startHidden(network, 'caller', [], () => used, callerInit)
  await vi.waitFor(() => {
    if (callee.libp2p.getMultiaddrs().length === 0) throw new Error('no reservation yet')
  }, 10_000)
  const relayed = await caller.libp2p.dial(multiaddr(`${circuit}/p2p/${callee.libp2p.peerId.toString()}`))
  await caller.libp2p.services.admission.waitFor(relayed)
  await vi.waitFor(() => {
    if (!callee.libp2p.services.admission.has(caller.libp2p.peerId)) throw new Error('not admitted yet')
  }, 10_000)
  return {
    network,
    relay,
    caller,
    callee,
    relayed,
    use: (connection: Connection): void => {
      used = connection
    },
    /** A service of the callee on a port of this machine, as a port of the caller. */
    forward: async (name: string, port: number): Promise<number> => {
      callee.plane.addService(makeService(name, `tcp://127.0.0.1:${port}`))
      const { listen } = await caller.plane.addForward({
        listen: parseListenAddress('127.0.0.1:0'),
        target: parseTarget(`callee/${name}`)
      })
      return Number(listen.slice(listen.lastIndexOf(':') + 1))
    },
    stop: async () => {
      await Promise.all([caller.plane.stop({ drainTimeoutMs: 0 }), callee.plane.stop({ drainTimeoutMs: 0 })])
      await Promise.all([caller.host.stop(), callee.host.stop()])
      await relay.stop()
    }
  }
}

export interface PairInit {
  caller?: Partial<WebRtcInit>
  callee?: Partial<WebRtcInit>
}

export type Pair = Awaited<ReturnType<typeof startPair>>
