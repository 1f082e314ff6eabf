import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatUpstream, makeService, type Tunnel } from '@agent-mesh/data-plane'
import { limits, parseTarget } from '@agent-mesh/wire'
import { startPair, type Pair } from '../libp2p-pair.ts'

let pair: Pair

const node = (script: string): string =>
  formatUpstream({ kind: 'stdio', address: { type: 'stdio', command: [process.execPath, '-e', script] } })

/** A service whose program is this script, and a tunnel to it. */
const open = async (script: string, name = 'program'): Promise<Tunnel> => {
  pair.callee.plane.addService(makeService(name, node(script)), { replace: true })
  const { tunnel } = await pair.caller.plane.openTarget(parseTarget(`callee/${name}`))
  tunnel.on('error', () => {})
  return tunnel
}

const closed = async (tunnel: Tunnel): Promise<string | undefined> => {
  if (!tunnel.closed) {
    const { promise, resolve } = Promise.withResolvers<void>()
    tunnel.once('close', resolve)
    await promise
  }
  return tunnel.failure?.code
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const firstLine = async (tunnel: Tunnel): Promise<string> => {
  const [data] = await once(tunnel, 'data')
  return String(data).trim()
}

beforeAll(async () => {
  pair = await startPair({ isIdentified: true })
})
afterAll(async () => pair.stop())

describe('a program behind a tunnel', () => {
  it('reads what the caller says and answers, byte for byte', async () => {
    const tunnel = await open('process.stdin.pipe(process.stdout)')
    const sent = 'x'.repeat(3_000_000)
    tunnel.end(sent)
    expect(await text(tunnel)).toBe(sent)
    expect(await closed(tunnel)).toBeUndefined()
  })

  it('is one for each tunnel, and knows who calls', async () => {
    const script =
      'const { MESH_PEER_ID, MESH_PEER_NAME, MESH_PEER_GROUPS, MESH_SERVICE } = process.env;' +
      'console.log([process.pid, MESH_PEER_ID, MESH_PEER_NAME, MESH_PEER_GROUPS, MESH_SERVICE].join(" "))'
    const lines = await Promise.all([open(script), open(script)].map(async (tunnel) => text(await tunnel)))
    const [first = [], second = []] = lines.map((line) => line.trim().split(' '))
    expect(first[0]).not.toBe(second[0])
    expect(first.slice(1)).toEqual([pair.caller.node.peerId.toString(), 'caller', 'ops,ci', 'program'])
  })

  it('that ends badly ends the tunnel with a code, after all that it said', async () => {
    const tunnel = await open('process.stdout.write("said"); process.exitCode = 3')
    let said = ''
    tunnel.on('data', (data: Buffer) => (said += data.toString()))
    await closed(tunnel)
    expect(said).toBe('said')
    expect(tunnel.failure).toMatchObject({ code: 'UPSTREAM_EXITED' })
  })

  it('that is killed ends the tunnel with a code', async () => {
    const tunnel = await open('process.kill(process.pid, "SIGKILL")')
    tunnel.resume()
    expect(await closed(tunnel)).toBe('UPSTREAM_EXITED')
  })

  it('that does not exist is said to the caller', async () => {
    pair.callee.plane.addService(makeService('missing', 'stdio:no-such-program-here'))
    const opened = pair.caller.plane.openTarget(parseTarget('callee/missing'))
    await expect(opened).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' })
    const probe = pair.callee.plane.probeService('missing', { signal: AbortSignal.timeout(5_000) })
    await expect(probe).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' })
  })

  it('ends with its tunnel, and so does whatever it started', async () => {
    const child = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`
    const tunnel = await open(
      'process.on("SIGTERM", () => process.exit());' +
        `const c = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}]);` +
        'c.once("spawn", () => console.log(process.pid + " " + c.pid)); setInterval(() => {}, 1000)'
    )
    const pids = (await firstLine(tunnel)).split(' ').map(Number)
    expect(pids.map(isRunning)).toEqual([true, true])
    tunnel.destroy()
    await expect.poll(() => pids.map(isRunning), { timeout: 10_000 }).toEqual([false, false])
  })

  it('tells the log what it says on its standard error, line by line and bounded', async () => {
    const tunnel = await open('console.error("one\\ntwo " + "x".repeat(5000))')
    tunnel.resume()
    tunnel.end()
    await closed(tunnel)
    const lines = pair.callee.events.flatMap((event) => (event.event === 'program:stderr' ? [event.line] : []))
    expect(lines.slice(-2)).toEqual(['one', `two ${'x'.repeat(996)}`])
  })

  it('that is not read stops, and its reader gets all of it later', async () => {
    const bytes = 20_000_000
    const tunnel = await open(`process.stdout.write(Buffer.alloc(${bytes}, "y"), () => console.error("all written"))`)
    await expect.poll(() => pair.callee.plane.tunnels.totals.bytesOut, { timeout: 10_000 }).toBeGreaterThan(200_000)
    expect(tunnel.bytesIn).toBeLessThan(bytes)
    let count = 0
    for await (const chunk of tunnel as AsyncIterable<Buffer>) count += chunk.length
    expect(count).toBe(bytes)
  })

  it('is refused where as many run as may', async () => {
    const waiting = 'process.stdin.resume()'
    const tunnels = await Promise.all(Array.from({ length: limits.stdioPrograms }, () => open(waiting)))
    const oneMore = pair.caller.plane.openTarget(parseTarget('callee/program'))
    await expect(oneMore).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    for (const tunnel of tunnels) tunnel.end()
    for (const tunnel of tunnels) tunnel.resume()
    expect(await Promise.all(tunnels.map(closed))).toEqual(tunnels.map(() => undefined))
  }, 60_000)
})

describe('a service that asks for the PROXY protocol', () => {
  it('is told who calls, before the first byte of the caller', async () => {
    const { startService } = await import('../servers.ts')
    const service = await startService((socket) => void socket.pipe(socket))
    pair.callee.plane.addService({ ...makeService('proxied', service.address), wantsProxyHeader: true })
    const { tunnel } = await pair.caller.plane.openTarget(parseTarget('callee/proxied'))
    tunnel.end('hello')
    const echoed = await text(tunnel)
    expect(echoed.startsWith('\r\n\r\n\0\r\nQUIT\n')).toBe(true)
    expect(echoed).toContain(pair.caller.node.peerId.toString())
    expect(echoed.endsWith('hello')).toBe(true)
    service.stop()
  })
})
