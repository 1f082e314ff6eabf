import type { ProxyDocument } from '@agent-mesh/wire/api'
import { section } from './text.ts'

/** More addresses than this are not put on an interface one by one. */
const mostAliases = 256

/** The last numbers of the addresses of a range within one network of 256. */
const lastNumbers = (range: string): { network: string; first: number; last: number } | undefined => {
  const [, network = '', host = '', bits = ''] = /^(\d+\.\d+\.\d+)\.(\d+)\/(\d+)$/.exec(range) ?? []
  const size = 2 ** (32 - Number(bits))
  return size > mostAliases ? undefined : { network, first: Number(host) + 1, last: Number(host) + size - 2 }
}

const aliases = (range: string): string[] => {
  const numbers = lastNumbers(range)
  if (numbers === undefined) {
    return [
      `# ${range} is too much for macOS, which needs an alias for every address. In mesh.yaml, before the next start:`,
      '# proxy: {dns_range: 127.77.0.0/26}',
      '# This list then has the command that adds them.'
    ]
  }
  const { network, first, last } = numbers
  return [
    '# again after every start of the machine:',
    `for i in $(seq ${first} ${last}); do sudo ifconfig lo0 alias ${network}.$i up; done`
  ]
}

const write = (text: string, file: string): string => `printf '${text}' | sudo tee ${file}`

const onPort53 = '# needs the responder on port 53: mesh-node proxy --dns 127.0.0.1:53'

/** What a person does once per machine so that programs find names by DNS. Lines that need root begin with `sudo`. */
export const dnsSetup = ({ listen, suffix, range = '' }: ProxyDocument): string[] => {
  const colon = listen.lastIndexOf(':')
  const [host, port] = [listen.slice(0, colon).replaceAll(/[[\]]/g, ''), listen.slice(colon + 1)]
  return [
    ...section('DNS: try it, before anything is changed', [
      `dig @${host} -p ${port} <service>.<name>.${suffix}`,
      `# Each name has an address of ${range}; the node listens there on the ports of its services.`
    ]),
    ...section('DNS on Linux with systemd-resolved, once, as root', [
      'sudo mkdir -p /etc/systemd/resolved.conf.d',
      write(`[Resolve]\\nDNS=${listen}\\nDomains=~${suffix}\\n`, '/etc/systemd/resolved.conf.d/mesh-node.conf'),
      'sudo systemctl restart systemd-resolved'
    ]),
    ...section('DNS on Linux with NetworkManager and its dnsmasq, once, as root', [
      write(
        `server=/${suffix}/${host}#${port}\\nrebind-domain-ok=/${suffix}/\\n`,
        '/etc/NetworkManager/dnsmasq.d/mesh-node.conf'
      ),
      'sudo systemctl reload NetworkManager'
    ]),
    ...section('DNS on Linux with /etc/resolv.conf alone, which knows no ports: as root', [
      port === '53' ? `sudo sed -i '1i nameserver ${host}' /etc/resolv.conf` : onPort53
    ]),
    ...section('ports below 1024 on Linux (ssh 22, http 80), once, as root', [
      write('net.ipv4.ip_unprivileged_port_start=22\\n', '/etc/sysctl.d/50-mesh-node.conf'),
      'sudo sysctl --system',
      '# or, for a node that systemd runs: AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit'
    ]),
    ...section('DNS on macOS, once, as root; ports below 1024 need a node that runs as root', [
      'sudo mkdir -p /etc/resolver',
      write(`nameserver ${host}\\nport ${port}\\n`, `/etc/resolver/${suffix}`),
      ...aliases(range)
    ]),
    ...section('DNS on Windows, once, in a PowerShell of an administrator', [
      port === '53' ? `Add-DnsClientNrptRule -Namespace '.${suffix}' -NameServers '${host}'` : onPort53
    ])
  ]
}
