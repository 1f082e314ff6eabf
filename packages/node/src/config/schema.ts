import { multiaddr } from '@multiformats/multiaddr'
import { isIP } from 'node:net'
import { z } from 'zod'
import { defaultSuffix, limits, parseCapability, parseName, parseSuffix, parseTarget } from '@agent-mesh/wire'
import {
  checkDefaults,
  defaultExtraPorts,
  defaultLoopbackRange,
  parseCheck,
  parseHedge,
  parseListenAddress,
  parseLoopbackRange,
  parseOutsidePattern
} from '@agent-mesh/data-plane'
import { parseSubject } from './allow-list.ts'
import { duration } from './duration.ts'
import { healthSection } from './health.ts'
import { relaySection } from './relay.ts'
import { size } from './size.ts'
import { stunSection } from './stun.ts'
import { underlaySection } from './underlay.ts'
import { formatDuration } from './units.ts'
import { webRtcSection } from './webrtc.ts'

const checked = (check: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    try {
      check(text)
    } catch (err) {
      context.addIssue({ code: 'custom', message: err instanceof Error ? err.message : 'it does not parse' })
    }
  })

const address = checked((text) => multiaddr(text))

const memberAddress = checked((text) => {
  if (
    !multiaddr(text)
      .getComponents()
      .some((part) => part.name === 'p2p')
  )
    throw new Error(`"${text}" does not end in /p2p/<peer id>`)
})

/** `host:port` with the host as an IP address, or `localhost`. */
const tcpAddress = z.string().superRefine((text, context) => {
  const [, host = ''] = /^(.+):\d{1,5}$/.exec(text) ?? []
  if (host !== 'localhost' && isIP(host.replace(/^\[(.*)\]$/, '$1')) === 0)
    context.addIssue({ code: 'custom', message: `"${text}" is not <IP address>:<port>, such as 127.0.0.1:9464` })
})

const isLoopback = (listen: string): boolean => /^(?:127\.|localhost:|\[::1\])/.test(listen)

const metrics = z
  .strictObject({
    listen: tcpAddress
      .optional()
      .describe(
        '`host:port` on which `GET /metrics` is served over TCP as well, such as `127.0.0.1:9464`; off without it.'
      ),
    allow_remote: z
      .boolean()
      .default(false)
      .describe('Whether that address may be one that other machines reach. Whoever reaches it can read all metrics.'),
    hosts: z
      .array(z.string())
      .max(limits.scrapeHosts)
      .default([])
      .describe('Names by which requests may call that address, beside IP addresses and `localhost`.')
  })
  .superRefine(({ listen, allow_remote: mayBeRemote }, context) => {
    if (listen !== undefined && !mayBeRemote && !isLoopback(listen))
      context.addIssue({
        code: 'custom',
        path: ['listen'],
        message: `${listen} can be reached by other machines; that needs metrics.allow_remote: true`
      })
  })

const service = z.strictObject({
  name: checked((text) => parseName(text, 'service')).describe(
    'Name of the service: one label of a-z, 0-9 and hyphens.'
  ),
  address: z.string().describe('`http://host:port`, `grpc://`, `tcp://`, `ssh://`, or `unix:/path`.'),
  capabilities: z.array(checked(parseCapability)).default([]).describe('Capability paths that this service answers.'),
  allow: z
    .array(checked(parseSubject))
    .min(1)
    .max(limits.allowedSubjects)
    .optional()
    .describe(
      'Who may open it, beside what the policy says: member names, peer ids, `group:<name>`, or `members`. Without it, all members.'
    ),
  check: checked(parseCheck)
    .optional()
    .describe(
      'How it is seen whether it works: `connect`, `http:<path>`, `grpc`, `grpc:<service>` or `none`. Without it `connect`, and `none` for ssh.'
    ),
  check_interval: duration(limits.checkIntervalLeastMs, limits.checkIntervalMostMs)
    .prefault(formatDuration(limits.checkIntervalMs))
    .describe('How often it is checked.'),
  check_timeout: duration(100, 60_000)
    .prefault(formatDuration(limits.checkTimeoutMs))
    .describe('Longest check; a longer one has failed.'),
  check_threshold: z
    .number()
    .int()
    .min(1)
    .max(limits.checkThreshold)
    .default(checkDefaults.threshold)
    .describe('Failed checks in a row after which it is failing; others then come first.'),
  weight: z
    .number()
    .int()
    .min(1)
    .max(limits.serviceWeight)
    .default(1)
    .describe('How much of the work it wants, beside others that offer the same.'),
  proxy_protocol: z
    .boolean()
    .default(false)
    .describe('Whether it is told who calls by a header of the PROXY protocol, version 2, before the first byte.')
})

const forward = z.strictObject({
  listen: z.string().describe('`host:port` or `unix:/path`; port 0 takes a free one and keeps it.'),
  target: checked(parseTarget).describe('`<name>/<service>`, `<peer id>/<service>` or `cap:<path>`.')
})

/** Everything that `mesh.yaml` may say. Descriptions become `docs/reference/config.md`. */
export const configSchema = z.strictObject({
  listen: z
    .array(address)
    .min(1)
    .default(['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'])
    .describe('Addresses to bind. Port 0 takes a free port at the first start and keeps it from then on.'),
  announce: z
    .array(address)
    .max(limits.addressesPerRecord)
    .default([])
    .describe('Addresses to tell others instead of the bound ones; for port forwardings and load balancers.'),
  bootstrap: z
    .array(memberAddress)
    .default([])
    .describe('Members to connect to at start, each with its `/p2p/<peer id>`, beside those that the node remembers.'),
  log: z
    .strictObject({
      level: z
        .enum(['silent', 'error', 'warn', 'info', 'debug', 'trace'])
        .default('info')
        .describe('Least severe event that is logged.')
    })
    .prefault({}),
  discovery: z
    .strictObject({
      lookup_timeout: duration(500, 60_000)
        .prefault(formatDuration(limits.lookupTimeoutMs))
        .describe('Longest wait of a lookup.'),
      taxonomy: z
        .string()
        .optional()
        .describe('File with one capability path per line; when set, only these may be published.')
    })
    .prefault({}),
  connections: z
    .strictObject({
      most: z.number().int().min(8).max(10_000).default(300).describe('Most connections that are open at once.'),
      from_one_host_per_second: z
        .number()
        .int()
        .min(1)
        .max(1_000_000)
        .default(limits.strangerConnectionsPerSecond)
        .describe('New connections that one host may open per second before it is refused.'),
      pending: z
        .number()
        .int()
        .min(1)
        .max(100_000)
        .default(limits.strangerPendingConnections)
        .describe('Connections that may wait for their hello at once.')
    })
    .prefault({}),
  health: healthSection,
  webrtc: webRtcSection,
  mdns: z
    .boolean()
    .default(true)
    .describe(
      'Whether members on the same local network find each other by multicast DNS. A node that listens on the loopback alone says and hears nothing.'
    ),
  port_mapping: z
    .boolean()
    .default(true)
    .describe(
      'Whether the gateway of this network is asked, by NAT-PMP or UPnP, for a port that others can dial. A node that listens on the loopback alone asks nobody.'
    ),
  relay: relaySection,
  stun: stunSection,
  underlay: underlaySection,
  paths: z
    .strictObject({
      direct_only: z
        .boolean()
        .default(false)
        .describe(
          'Whether tunnels are refused where only a relay leads to the other agent, instead of going through it.'
        )
    })
    .prefault({}),
  drain_timeout: duration(0, 300_000)
    .prefault(formatDuration(limits.drainTimeoutMs))
    .describe('How long a stopping node lets open tunnels finish.'),
  audit: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Whether openings, denials, admissions and the like are written to `audit/audit.jsonl` of the state directory.'
        ),
      max_size: size('64KiB', '1GiB').prefault('16MiB').describe('Size of one file of the audit log.'),
      keep: z.number().int().min(0).max(100).default(8).describe('Full files of the audit log that are kept.')
    })
    .prefault({}),
  metrics: metrics.prefault({}),
  services: z
    .array(service)
    .max(limits.servicesPerNode)
    .default([])
    .describe('Services that are offered beside those of `mesh-node serve`.'),
  capabilities: z.array(checked(parseCapability)).default([]).describe('Capabilities that no service answers.'),
  forwards: z.array(forward).default([]).describe('Forwards that are opened beside those of `mesh-node forward`.'),
  proxy: z
    .strictObject({
      suffix: checked(parseSuffix)
        .default(defaultSuffix)
        .describe('What ends the host names of the mesh: `alice.mesh`.'),
      socks: z
        .array(checked(parseListenAddress))
        .default([])
        .describe('Addresses of SOCKS5 proxies, beside those of `mesh-node proxy`: `127.0.0.1:1080` or `unix:/path`.'),
      http: z
        .array(checked(parseListenAddress))
        .default([])
        .describe('Addresses of HTTP proxies, beside those of `mesh-node proxy`: `127.0.0.1:8118` or `unix:/path`.'),
      dns: z
        .array(checked(parseListenAddress))
        .default([])
        .describe('Addresses of DNS responders, beside those of `mesh-node proxy`: `127.0.0.1:5300`.'),
      dns_range: checked(parseLoopbackRange)
        .default(defaultLoopbackRange)
        .describe('Loopback addresses that DNS responders give to names, and on which the node then listens.'),
      dns_ports: z
        .array(z.number().int().min(1).max(65_535))
        .max(limits.dnsPorts)
        .default(defaultExtraPorts)
        .describe(
          'Ports on which the names of `tcp` and `stdio` services are listened on; other kinds have their own.'
        ),
      allow_remote: z
        .boolean()
        .default(false)
        .describe(
          'Whether these proxies may bind addresses that other machines reach. Who does then acts as this node.'
        ),
      allow_outside: z
        .array(checked(parseOutsidePattern))
        .max(limits.proxyOutsidePatterns)
        .default([])
        .describe(
          'Names outside the mesh that these proxies let through: `example.com`, `*.example.com`, `example.com:443`.'
        ),
      hedge: checked(parseHedge)
        .optional()
        .describe(
          'After which time these HTTP proxies ask a second agent for an idempotent request to a capability, and take the first answer: `95p` (what 95 of 100 answers came within) or a time such as `200ms`. Never without it.'
        )
    })
    .prefault({})
})

export type Config = z.output<typeof configSchema>
