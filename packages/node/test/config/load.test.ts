import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { loadConfig } from '../../src/config/load.ts'
import { configSchema } from '../../src/config/schema.ts'
import { formatDuration, parseDuration } from '../../src/config/units.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-config-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const load = async (yaml: string, env: NodeJS.ProcessEnv = {}, flags = {}) => {
  const file = join(folder, 'mesh.yaml')
  await writeFile(file, yaml)
  return loadConfig({ file, env, flags })
}

const peerId = '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ'
const carrier = `/ip4/127.0.0.1/tcp/4001/p2p/${peerId}`

describe('the configuration', () => {
  it('is complete without a file', async () => {
    const { config } = await loadConfig({ env: {}, flags: {} })
    expect(config.listen).toEqual(['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'])
    expect(config.discovery.lookup_timeout).toBe(10_000)
    expect(config.log.level).toBe('info')
  })

  it('takes flags over the environment over the file over defaults, and says so', async () => {
    const yaml = 'listen: [/ip4/127.0.0.1/tcp/1]\nlog:\n  level: debug\ndrain_timeout: 3s\n'
    const { config, settings } = await load(
      yaml,
      { MESH_LOG_LEVEL: 'warn', MESH_LISTEN: '/ip4/127.0.0.1/tcp/2' },
      { listen: ['/ip4/127.0.0.1/tcp/3'] }
    )
    expect(config.listen).toEqual(['/ip4/127.0.0.1/tcp/3'])
    expect(config.log.level).toBe('warn')
    expect(config.drain_timeout).toBe(3_000)
    const source = Object.fromEntries(settings.map((one) => [one.key, one.source]))
    expect(source).toMatchObject({
      listen: 'flag',
      'log.level': 'environment',
      drain_timeout: 'file',
      'discovery.lookup_timeout': 'default'
    })
  })

  it('takes carriers from the command line over the environment, beside what the file says of relays', async () => {
    const other = carrier.replace('4001', '4002')
    const yaml = 'relay:\n  places: 3\n'
    expect((await load(yaml, { MESH_CARRIER: `${carrier},${other}` })).config.relay).toMatchObject({
      places: 3,
      carriers: [carrier, other]
    })
    const { config, settings } = await load(yaml, { MESH_CARRIER: carrier }, { carrier: [other] })
    expect(config.relay).toMatchObject({ places: 3, carriers: [other] })
    expect(settings).toContainEqual({ key: 'relay.carriers', value: JSON.stringify([other]), source: 'flag' })
  })

  const refused: Array<[string, string, RegExp]> = [
    [
      'an unknown key, with its line and what was meant',
      'listen: [/ip4/127.0.0.1/tcp/1]\nlog:\n  levl: debug\n',
      /line 3: log\.levl is no setting; did you mean level\?/
    ],
    [
      'a STUN server without a port',
      'webrtc:\n  stun: [stun.example.org]\n',
      /line 2: webrtc\.stun\.0: "stun\.example\.org" is not <host>:<port>/
    ],
    [
      'one STUN server too many',
      `webrtc:\n  stun: [${Array.from({ length: limits.stunServers + 1 }, () => '127.0.0.1:3478').join(', ')}]\n`,
      /line 2: webrtc\.stun: /
    ],
    [
      'a carrier without its peer id',
      'relay:\n  carriers:\n    - /ip4/127.0.0.1/tcp/4001\n',
      /line 3: relay\.carriers\.0: ".*" is not the address of a relay over TCP with its peer id, such as /
    ],
    [
      'a carrier behind a relay',
      `relay:\n  carriers: [/ip4/127.0.0.1/tcp/4001/p2p/${peerId}/p2p-circuit/p2p/${peerId}]\n`,
      /line 2: relay\.carriers\.0: ".*" leads through a relay/
    ],
    [
      'a carrier over a transport that is not there',
      `relay:\n  carriers: [/ip4/127.0.0.1/udp/4001/quic-v1/p2p/${peerId}]\n`,
      /line 2: relay\.carriers\.0: ".*" is not the address of a relay over TCP/
    ],
    [
      'one carrier address too many',
      `relay:\n  carriers: [${Array.from({ length: limits.carrierAddresses + 1 }, () => carrier).join(', ')}]\n`,
      /line 2: relay\.carriers: /
    ],
    ['an unknown key at the top', '\nliste: []\n', /line 2: liste is no setting; did you mean listen\?/],
    [
      'a range of names outside the loopback',
      'proxy:\n  dns_range: 10.0.0.0/16\n',
      /line 2: proxy\.dns_range: .*within 127/
    ],
    [
      'one port of names too many',
      `proxy:\n  dns_ports: [${Array.from({ length: limits.dnsPorts + 1 }, (_, index) => index + 1).join(', ')}]\n`,
      /line 2: proxy\.dns_ports/
    ],
    [
      'a duration without a unit',
      'drain_timeout: 10\n',
      /line 1: drain_timeout: a duration needs .* did you mean 10s\?/
    ],
    [
      'a wrong unit',
      'discovery:\n  lookup_timeout: 10 parsecs\n',
      /line 2: discovery\.lookup_timeout: a duration needs/
    ],
    [
      'a duration out of range',
      'discovery:\n  lookup_timeout: 1ms\n',
      /line 2: discovery\.lookup_timeout: it must be between 500ms and 1m/
    ],
    ['a listen address that is none', 'listen:\n  - /ip4/127.0.0.1/tcp/1\n  - nonsense\n', /line 3: listen\.1/],
    ['a bootstrap address without a peer', 'bootstrap: [/ip4/127.0.0.1/tcp/1]\n', /does not end in \/p2p/],
    [
      'a service with an unknown key',
      'services:\n  - name: web\n    address: http://127.0.0.1:1\n    port: 3\n',
      /line 4: services\.0\.port is no setting/
    ],
    ['broken YAML', 'listen: [\n', /line \d/],
    ['a list instead of settings', '- a\n', /not a list/]
  ]
  it.each(refused)('refuses %s', async (_, yaml, message) => {
    await expect(load(yaml)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      exitCode: 2,
      message: expect.stringMatching(message)
    })
  })

  it('names the environment where that is wrong', async () => {
    await expect(loadConfig({ env: { MESH_LISTEN: 'x' }, flags: {} })).rejects.toMatchObject({
      message: expect.stringContaining('MESH_')
    })
  })
})

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000]
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
    expect(parseDuration(formatDuration(ms))).toBe(ms)
  })
  it.each(['', '10', 's', '-1s', '10 s', '1e3s', '10min'])('does not read "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('the example file', () => {
  it('says the defaults, all of them, and nothing else', async () => {
    const file = join(import.meta.dirname, '../../../../docs/reference/mesh.yaml')
    const { config } = await loadConfig({ file, env: {}, flags: {} })
    expect(config).toEqual((await loadConfig({ env: {}, flags: {} })).config)
    const text = await readFile(file, 'utf8')
    for (const key of Object.keys(configSchema.shape)) expect(text).toContain(`\n${key}:`)
  })
})
