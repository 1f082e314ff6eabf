import { expect } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { startBlackHole } from '@agent-mesh/testkit/black-hole'
import type { ConformanceRow } from '@agent-mesh/testkit/conformance'
import { onCleanup } from '../harness/cleanup.ts'
import { freePort } from '../harness/local-server.ts'
import { createMesh, type Mesh } from '../harness/mesh.ts'
import { answerWithDigest, echoBytes, greetThenListen, startTcpOrigin } from '../harness/origins/tcp-origin.ts'

/** Three agents: alice offers, bob has the proxies, and carol comes to harm. */
export interface Rig {
  mesh: Mesh<'alice' | 'bob' | 'carol'>
  socks: number
  http: number
  /** Proxies that let every name through. */
  open: { socks: number; http: number }
  /** What clients said to `greet` after it had ended its half. */
  told: string[]
}

export type Row = ConformanceRow<Rig>

const portIn = (listen: string): number => Number(listen.slice(listen.lastIndexOf(':') + 1))

export const startRig = async (): Promise<Rig> => {
  const mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  const { alice, bob, carol } = mesh
  const told: string[] = []
  const hole = await startBlackHole()
  onCleanup(hole.stop)
  const echo = await startTcpOrigin('echo', echoBytes)
  const digest = await startTcpOrigin('digest', answerWithDigest)
  const greet = await startTcpOrigin('greet', greetThenListen(told))
  await alice.serve(`raw=tcp://127.0.0.1:${echo.port}`)
  await alice.serve(`digest=tcp://127.0.0.1:${digest.port}`)
  await alice.serve(`greet=tcp://127.0.0.1:${greet.port}`)
  await alice.serve(`gone=http://127.0.0.1:${await freePort()}`)
  await alice.serve(`hole=http://127.0.0.1:${hole.port}`)
  const secret = await alice.run(['serve', `secret=http://127.0.0.1:${echo.port}`, '--no-check', '--allow', 'carol'])
  expect(secret.code, secret.stderr).toBe(0)
  await carol.serve(`raw=tcp://127.0.0.1:${echo.port}`)
  const add = async (...flags: string[]): Promise<{ socks: number; http: number }> => {
    const { proxies } = await bob.json(proxiesResponse, [
      'proxy',
      '--socks',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      ...flags
    ])
    const newest = (kind: string): number => portIn(proxies.findLast((one) => one.kind === kind)?.listen ?? '')
    return { socks: newest('socks'), http: newest('http') }
  }
  const closed = await add()
  return { mesh, ...closed, open: await add('--allow-outside', '*'), told }
}

export const greeting = [5, 1, 0]

/** A request for a name. */
export const named = (host: string, port: number, command = 1): number[] => [
  5,
  command,
  0,
  3,
  host.length,
  ...Buffer.from(host, 'latin1'),
  port >> 8,
  port & 255
]

/** VER, REP, RSV, ATYP, and an address that is none. */
export const reply = (code: number): number[] => [5, code, 0, 1, 0, 0, 0, 0, 0, 0]
