import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createClient, type Client } from '@agent-mesh/client'
import type { MeshMember } from '@agent-mesh/testkit'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { meshNodeBin, start } from '../e2e/harness/command.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

/** Network namespaces of this run alone: alice and bob on one LAN behind a gateway, carol outside. */
const tag = `lan${process.pid}`
const named = (one: string): string => `${tag}${one}`
export const [gateway, lanA, lanB, outside] = [named('g'), named('a'), named('b'), named('o')]

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Why there is no such network to be had here; undefined where there is one. */
export const cannot = ((): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  try {
    ip('netns', 'add', `${tag}x`)
    ip('netns', 'del', `${tag}x`)
    return undefined
  } catch {
    return 'network namespaces are not to be had here'
  }
})()

/** Joins two namespaces by a pair of interfaces of the given names. */
const veth = (a: string, nameA: string, b: string, nameB: string): void =>
  ip('link', 'add', nameA, 'netns', a, 'type', 'veth', 'peer', 'name', nameB, 'netns', b)

const inside = (namespace: string, ...args: string[]): void => ip('-n', namespace, ...args)

export const buildLan = (): void => {
  for (const namespace of [gateway, lanA, lanB, outside]) {
    ip('netns', 'add', namespace)
    onCleanup(() => ip('netns', 'del', namespace))
    inside(namespace, 'link', 'set', 'lo', 'up')
  }
  inside(gateway, 'link', 'add', 'br0', 'type', 'bridge')
  inside(gateway, 'addr', 'add', '192.168.77.1/24', 'dev', 'br0')
  inside(gateway, 'link', 'set', 'br0', 'up')
  for (const [at, namespace] of [lanA, lanB].entries()) {
    veth(gateway, `p${at}`, namespace, 'eth0')
    inside(gateway, 'link', 'set', `p${at}`, 'master', 'br0', 'up')
    inside(namespace, 'addr', 'add', `192.168.77.${at + 10}/24`, 'dev', 'eth0')
    inside(namespace, 'link', 'set', 'eth0', 'up')
    inside(namespace, 'route', 'add', 'default', 'via', '192.168.77.1')
  }
  veth(gateway, 'out', outside, 'eth0')
  inside(gateway, 'addr', 'add', '5.5.5.1/24', 'dev', 'out')
  inside(gateway, 'link', 'set', 'out', 'up')
  inside(outside, 'addr', 'add', '5.5.5.2/24', 'dev', 'eth0')
  inside(outside, 'link', 'set', 'eth0', 'up')
}

export const startIn = (namespace: string, args: string[], options: Parameters<typeof start>[2] = {}) =>
  start('ip', ['netns', 'exec', namespace, ...args], options)

/** A node of a namespace, and how it is stopped before the test ends. */
export const up = async (
  namespace: string,
  member: MeshMember,
  ...args: string[]
): Promise<{ client: Client; stop: () => Promise<void> }> => {
  const child = startIn(namespace, [process.execPath, meshNodeBin, 'up', '--json', ...args], {
    stateDir: member.directory.path
  })
  const { api } = await untilReady(child)
  const ended = once(child, 'close')
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  onCleanup(stop)
  return { client: createClient({ socketPath: api }), stop }
}
