import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { assert, property, uint8Array } from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork } from '@agent-mesh/testkit'
import { gatewayIn } from '../../src/host/default-gateway.ts'
import { decodeAnswer, encodeMappingRequest } from '../../src/host/nat-pmp.ts'
import { portMapping, type PortMappingInit } from '../../src/host/port-mapping.ts'

interface Asked {
  opcode: number
  internalPort?: number
  lifetimeSeconds?: number
}

const cleanups: Array<() => Promise<void> | void> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A gateway on the loopback; it ignores the first requests, where it is told to. */
const startGateway = async ({ address = [5, 5, 5, 5], deaf = 0, result = 0, lifetimeSeconds = 3600 } = {}) => {
  const socket: Socket = createSocket('udp4')
  const asked: Asked[] = []
  let left = deaf
  socket.on('message', (bytes, from) => {
    const opcode = bytes[1] ?? 0
    const isMapping = opcode === 2
    asked.push(
      isMapping ? { opcode, internalPort: bytes.readUInt16BE(4), lifetimeSeconds: bytes.readUInt32BE(8) } : { opcode }
    )
    if (left-- > 0) return
    const answer = Buffer.alloc(isMapping ? 16 : 12)
    answer[1] = opcode + 128
    answer.writeUInt16BE(result, 2)
    if (isMapping) {
      bytes.copy(answer, 8, 4, 6)
      answer.writeUInt16BE(40_000, 10)
      answer.writeUInt32BE(lifetimeSeconds, 12)
    } else answer.set(address, 8)
    socket.send(answer, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  cleanups.push(() => void socket.close())
  return { port: socket.address().port, asked }
}

const startNode = async (init: Partial<PortMappingInit> & { port: number }, listen?: string[]) => {
  const network = await createTestNetwork()
  const host = await createHost({
    network,
    member: await network.member('alice'),
    ...(listen === undefined ? {} : { listen }),
    services: {
      // Port 9 is nobody's: what is searched for by UPnP stays on the loopback.
      portMapping: portMapping({
        gateway: async () => '127.0.0.1',
        search: { address: '127.0.0.1', port: 9 },
        firstWaitMs: 20,
        ...init
      })
    }
  })
  cleanups.push(async () => host.stop())
  const { portMapping: mapping } = host.libp2p.services
  return {
    host,
    mapping,
    told: () => host.libp2p.getMultiaddrs().map((address) => address.toString().split('/p2p/')[0])
  }
}

describe('a port of the gateway', () => {
  it('is asked for until an answer comes, told to the others, and given back', async () => {
    const gateway = await startGateway({ deaf: 2 })
    const { host, mapping, told } = await startNode({ port: gateway.port })
    await vi.waitFor(() =>
      expect(mapping.state()).toEqual({
        state: 'mapped',
        protocol: 'nat-pmp',
        gateway: '127.0.0.1',
        addresses: ['5.5.5.5:40000']
      })
    )
    expect(told()).toContain('/ip4/5.5.5.5/tcp/40000')
    const port = Number(told()[0]?.split('/')[4])
    expect(gateway.asked.map(({ opcode }) => opcode)).toEqual([0, 0, 0, 2])
    expect(gateway.asked.at(-1)).toEqual({ opcode: 2, internalPort: port, lifetimeSeconds: 7200 })
    await host.stop()
    await vi.waitFor(() => expect(gateway.asked.at(-1)).toEqual({ opcode: 2, internalPort: port, lifetimeSeconds: 0 }))
  })

  it('is asked for again after half of the time that it was given for', async () => {
    const gateway = await startGateway({ lifetimeSeconds: 1 })
    const { told } = await startNode({ port: gateway.port })
    await vi.waitFor(() => expect(gateway.asked.filter(({ opcode }) => opcode === 2).length).toBeGreaterThan(1), 5_000)
    expect(told().filter((address) => address === '/ip4/5.5.5.5/tcp/40000')).toHaveLength(1)
  })

  it.each([
    ['that refuses', { result: 2 }, 'by NAT-PMP it does not allow port mappings, by UPnP it does not answer'],
    ['that never answers', { deaf: 99 }, 'by NAT-PMP it does not answer, by UPnP it does not answer'],
    ['behind another NAT', { address: [10, 0, 0, 1] }, '10.0.0.1, its own address outside, is behind another NAT']
  ])('of a gateway %s is not told of', async (_, gatewayInit, reason) => {
    const gateway = await startGateway(gatewayInit)
    const { mapping, told } = await startNode({ port: gateway.port })
    await vi.waitFor(() => expect(mapping.state()).toEqual({ state: 'failed', gateway: '127.0.0.1', reason }), 5_000)
    expect(told()).toHaveLength(1)
  })

  it('is not asked for where nothing listens that the gateway could reach, or there is no gateway', async () => {
    const gateway = await startGateway()
    const { mapping } = await startNode({ port: gateway.port }, [])
    await vi.waitFor(() => expect(mapping.state()).toMatchObject({ state: 'needless' }))
    const { mapping: other } = await startNode({ port: gateway.port, gateway: async () => undefined })
    await vi.waitFor(() => expect(other.state()).toMatchObject({ reason: 'There is no default gateway.' }))
    expect(gateway.asked).toEqual([])
  })
})

describe('NAT-PMP', () => {
  it('is written as RFC 6886 has it', () => {
    expect([...encodeMappingRequest(4001, 4002, 7200)]).toEqual([0, 2, 0, 0, 15, 161, 15, 162, 0, 0, 28, 32])
  })

  it('never throws, whatever arrives', () => {
    assert(
      property(uint8Array({ maxLength: 20 }), (bytes) => {
        decodeAnswer(bytes)
      })
    )
    for (let length = 0; length < 16; length++)
      expect(decodeAnswer(Uint8Array.of(0, 130, 0, 0, ...Array.from({ length }, () => 1)).subarray(0, length))).toBe(
        undefined
      )
  })
})

const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'

const route = (gateway: string, metric: number): string =>
  `eth0\t00000000\t${gateway}\t0003\t0\t0\t${metric}\t00000000\t0\t0\t0\n`

describe('the default gateway', () => {
  it('is the one of the default route with the lowest metric', () => {
    expect(gatewayIn(header + route('0100A8C0', 600) + route('FE00A8C0', 100))).toBe('192.168.0.254')
  })
  it('is none without a default route', () => {
    expect(gatewayIn(`${header}eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`)).toBeUndefined()
    expect(gatewayIn('')).toBeUndefined()
  })
})
