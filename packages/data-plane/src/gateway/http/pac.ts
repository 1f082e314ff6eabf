import { isIP } from 'node:net'

/** Path at which the proxy serves its configuration for browsers. */
export const pacPath = '/proxy.pac'
export const pacType = 'application/x-ns-proxy-autoconfig'

/** A proxy auto-config script: names of the mesh go through the proxy, everything else goes where it went before. */
export const renderPac = (proxy: string, suffix: string): string =>
  `function FindProxyForURL(url, host) {
  var name = host.toLowerCase().replace(/\\.$/, '');
  if (name === ${JSON.stringify(suffix)} || dnsDomainIs(name, ${JSON.stringify(`.${suffix}`)})) return ${JSON.stringify(`PROXY ${proxy}`)};
  return 'DIRECT';
}
`

/** Host of a `Host` header, without its port. */
const nameIn = (hostHeader: string): string =>
  hostHeader
    .replace(/:\d{1,5}$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()

/**
 * Whether a request for the proxy itself names it as its user does. A page of a foreign site that made its own name point
 * to this machine names that.
 */
export const isOwnHost = (hostHeader: string | undefined): boolean => {
  if (hostHeader === undefined) return false
  const name = nameIn(hostHeader)
  return name === 'localhost' || isIP(name) !== 0
}
