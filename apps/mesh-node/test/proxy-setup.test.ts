import type { ProxyDocument } from '@agent-mesh/wire/api'
import { describe, expect, it } from 'vitest'
import { printSetup } from '../src/proxy-setup.ts'

const opened = (kind: ProxyDocument['kind'], listen: string, range = '127.77.0.0/16'): ProxyDocument => ({
  id: kind,
  kind,
  listen,
  suffix: 'agents.corp',
  ...(kind === 'dns' ? { range } : {}),
  allowRemote: false,
  allowOutside: [],
  isPersistent: true,
  openConnections: 0,
  totalConnections: 0,
  failedRequests: 0
})

const setup = (...proxies: ProxyDocument[]): string => printSetup(proxies).join('\n')

describe('what --print-setup prints', () => {
  it('has the settings of programs that know proxies, and the PAC file', () => {
    const text = setup(opened('http', '127.0.0.1:8118'), opened('socks', '0.0.0.0:1080'))
    expect(text).toContain('export http_proxy=http://127.0.0.1:8118')
    expect(text).toContain('export ALL_PROXY=socks5h://127.0.0.1:1080')
    expect(text).toContain('http://127.0.0.1:8118/proxy.pac')
    expect(text).toContain('Host *.agents.corp')
    expect(text).not.toContain('sudo')
  })

  it('has the steps of every system for names by DNS, those that need root with sudo', () => {
    const text = setup(opened('dns', '127.0.0.1:5300'))
    expect(text).toContain(String.raw`printf '[Resolve]\nDNS=127.0.0.1:5300\nDomains=~agents.corp\n' | sudo tee`)
    expect(text).toContain(String.raw`server=/agents.corp/127.0.0.1#5300\nrebind-domain-ok=/agents.corp/\n`)
    expect(text).toContain(String.raw`printf 'nameserver 127.0.0.1\nport 5300\n' | sudo tee /etc/resolver/agents.corp`)
    expect(text).toContain('net.ipv4.ip_unprivileged_port_start')
    expect(text).not.toContain('Add-DnsClientNrptRule')
    expect(text.match(/needs the responder on port 53/g)).toHaveLength(2)
    expect(text).toContain('proxy: {dns_range: 127.77.0.0/26}')
    expect(text).not.toContain('ifconfig')
    expect(text).not.toContain('export ')
  })

  it('names port 53 where a system knows no other, and adds the addresses of a small range', () => {
    const text = setup(opened('dns', '127.0.0.1:53', '127.77.3.64/26'))
    expect(text).toContain("Add-DnsClientNrptRule -Namespace '.agents.corp' -NameServers '127.0.0.1'")
    expect(text).toContain("sudo sed -i '1i nameserver 127.0.0.1' /etc/resolv.conf")
    expect(text).toContain('for i in $(seq 65 126); do sudo ifconfig lo0 alias 127.77.3.$i up; done')
  })
})
