import type { ProxyDocument } from '@agent-mesh/wire/api'
import { dnsSetup } from './dns-setup.ts'
import { section, shellWord } from './text.ts'

const isTcp = ({ listen }: ProxyDocument): boolean => !listen.startsWith('unix:')

/** An address that is bound, as a client on this machine names it. */
const reachable = (listen: string): string => listen.replace(/^(?:0\.0\.0\.0|\[::\]):/, '127.0.0.1:')

const forHttp = (where: string, suffix: string): string[] => [
  ...section('shells: programs that read http_proxy (curl, wget, git, pip, grpc, …)', [
    `export http_proxy=http://${where}`,
    'export no_proxy=localhost,127.0.0.1,::1'
  ]),
  ...section(
    'browsers: the address of the automatic proxy configuration (PAC); other sites go where they went before',
    [`http://${where}/proxy.pac`]
  ),
  ...section('git: names of the mesh alone', [
    `git config --global 'http.http://*.${suffix}.proxy' http://${where}`,
    `git config --global 'http.http://*.*.${suffix}.proxy' http://${where}`
  ]),
  ...section('curl', [`curl --proxy http://${where} http://<service>.<name>.${suffix}/`])
]

const forSocks = (where: string, suffix: string): string[] => [
  ...section('programs that read ALL_PROXY; socks5h leaves the names to the proxy', [
    `export ALL_PROXY=socks5h://${where}`
  ]),
  ...section('curl', [`curl --socks5-hostname ${where} http://<service>.<name>.${suffix}/`])
]

/**
 * What a person pastes so that programs use the proxies. The lines that begin with `export` are for a shell, those with
 * `sudo` need root.
 */
export const printSetup = (proxies: readonly ProxyDocument[]): string[] => {
  const suffix = proxies[0]?.suffix ?? 'mesh'
  const [http, socks, dns] = (['http', 'socks', 'dns'] as const).map((kind) =>
    proxies.find((one) => one.kind === kind && isTcp(one))
  )
  const onSockets = proxies.filter((one) => !isTcp(one))
  return [
    ...(http === undefined ? [] : forHttp(reachable(http.listen), suffix)),
    ...(socks === undefined ? [] : forSocks(reachable(socks.listen), suffix)),
    ...(dns === undefined ? [] : dnsSetup(dns)),
    ...section('ssh: in ~/.ssh/config', [`Host *.${suffix}`, '  ProxyCommand mesh-node nc %h ssh']),
    ...section(
      'on unix sockets',
      onSockets.map(({ kind, listen }) => `${kind}: ${shellWord(listen.slice('unix:'.length))}`)
    )
  ].slice(1)
}
