/**
 * A gateway that many home routers are: miniupnpd, which speaks UPnP and NAT-PMP, in a namespace with the NAT of the kernel.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { createMesh, type MeshMember } from '@agent-mesh/testkit'
import type { Client } from '@agent-mesh/client'
import { makeScratchDir, onCleanup } from '../e2e/harness/cleanup.ts'
import { buildLan, cannot, gateway, lanA, lanB, outside, startIn, up } from './lan-network.ts'

const miniupnpd = '/usr/sbin/miniupnpd'
const reason = cannot ?? (existsSync(miniupnpd) ? undefined : 'miniupnpd is not installed')
const why = reason === undefined ? '' : ` [${reason}]`

const inGateway = (program: string, args: string[], input = ''): string =>
  execFileSync('ip', ['netns', 'exec', gateway, program, ...args], { input, encoding: 'utf8' })

/** Nothing comes in but what belongs to what went out, and what miniupnpd lets in. */
const rules = `
flush ruleset
table inet router {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname br0 accept
    jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; oifname out masquerade; }
  chain postrouting_miniupnpd { }
}`

/** Ports outside that the gateway passes on. */
const passedOn = (): string[] =>
  [...inGateway('nft', ['list', 'chain', 'inet', 'router', 'prerouting_miniupnpd']).matchAll(/dport (\d+)/g)].map(
    ([, port = '']) => port
  )

const startRouter = async (...settings: string[]): Promise<() => Promise<void>> => {
  const folder = await makeScratchDir('router')
  const file = join(folder, 'miniupnpd.conf')
  const usual = ['ext_ifname=out', 'listening_ip=br0', 'secure_mode=yes', 'port=0', 'upnp_table_name=router']
  const lines = [...usual, 'upnp_nat_table_name=router', 'uuid=6f5e2b7c-6f38-4ee0-9a3c-8f0d5a1d7e11', ...settings]
  await writeFile(file, `${lines.join('\n')}\n`)
  inGateway('nft', ['-f', '-'], rules)
  const router = startIn(gateway, [miniupnpd, '-d', '-f', file, '-P', join(folder, 'pid')])
  const ended = once(router, 'close')
  return async () => {
    router.kill('SIGKILL')
    await ended
  }
}

const mappingOf = async (client: Client) => (await client.netcheck()).portMapping

describe.skipIf(reason !== undefined)(`a gateway with miniupnpd${why}`, () => {
  let members: MeshMember[]

  beforeAll(async () => {
    const mesh = await createMesh(['alice', 'bob', 'carol'])
    onCleanup(async () => mesh.close())
    members = mesh.members
    for (const member of members) await member.stop()
    buildLan()
    inGateway('sysctl', ['-qw', 'net.ipv4.ip_forward=1'])
  })

  test.each([
    ['upnp', ['enable_upnp=yes', 'enable_natpmp=no']],
    ['nat-pmp', ['enable_upnp=no', 'enable_natpmp=yes']],
    ['nat-pmp', ['enable_upnp=yes', 'enable_natpmp=yes']]
  ])('gives by %s a port that is dialled from outside, and gets it back (%j)', async (protocol, settings) => {
    const [alice, bob, carol] = members
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three members')
    const stopRouter = await startRouter(...settings)
    try {
      // Both want the same port of the gateway; who comes second gets another.
      const listen = ['--listen', '/ip4/0.0.0.0/tcp/4001']
      const nodes = []
      for (const [namespace, member] of [[lanA, alice] as const, [lanB, bob] as const]) {
        const node = await up(namespace, member, ...listen)
        await vi.waitFor(
          async () =>
            expect(await mappingOf(node.client)).toMatchObject({ state: 'mapped', protocol, gateway: '192.168.77.1' }),
          { timeout: 30_000, interval: 500 }
        )
        nodes.push(node)
      }
      const [first, second] = await Promise.all(nodes.map(async ({ client }) => (await mappingOf(client))?.addresses))
      expect(first).toEqual(['5.5.5.1:4001'])
      expect(second).toEqual([expect.stringMatching(/^5\.5\.5\.1:\d+$/)])
      expect(second).not.toEqual(first)
      const ports = [first, second].map((one) => one?.[0]?.split(':')[1])
      expect(new Set(passedOn())).toEqual(new Set(ports))

      const bobId = bob.node.ready.peerId
      const address = `/ip4/5.5.5.1/tcp/${ports[1]}/p2p/${bobId}`
      const dialler = await up(outside, carol, '--listen', '/ip4/5.5.5.2/tcp/0', '--bootstrap', address)
      await vi.waitFor(
        async () =>
          expect(await dialler.client.peers()).toContainEqual(
            expect.objectContaining({ peerId: bobId, state: 'connected', path: 'direct' })
          ),
        { timeout: 30_000, interval: 500 }
      )
      for (const { stop } of [dialler, ...nodes]) await stop()
      expect(passedOn()).toEqual([])
    } finally {
      await stopRouter()
    }
  })
})
