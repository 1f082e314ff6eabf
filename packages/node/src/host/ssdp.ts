/** SSDP as text (UPnP Device Architecture 2.0, section 1.3): how a gateway that speaks UPnP is found. */

/** Where devices listen, by UDP. */
export const ssdpAddress = '239.255.255.250'
export const ssdpPort = 1900

/** Largest answer that is read; those of gateways have some 400 bytes. */
const answerBytes = 2 * 1024

const device = (version: number): string => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`

/** Gateways of the second version have to answer to the first as well, and not all do. */
export const searches: readonly string[] = [1, 2].map((version) =>
  [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${ssdpAddress}:${ssdpPort}`,
    'MAN: "ssdp:discover"',
    'MX: 1',
    `ST: ${device(version)}`,
    '',
    ''
  ].join('\r\n')
)

/**
 * Where a gateway says that its description is.
 * @param from - who sent it
 * @returns undefined where it is no answer of this gateway, or points to anybody else
 */
export const locationIn = (bytes: Uint8Array, from: string, gateway: string): URL | undefined => {
  if (from !== gateway || bytes.length > answerBytes) return undefined
  const [status = '', ...lines] = Buffer.from(bytes).toString('latin1').split('\r\n')
  if (!/^HTTP\/1\.[01] 200(?: |$)/.test(status)) return undefined
  const fields = new Map(
    lines.map((line) => {
      const at = line.indexOf(':')
      return [line.slice(0, Math.max(0, at)).trim().toLowerCase(), line.slice(at + 1).trim()]
    })
  )
  if (![1, 2].map(device).includes(fields.get('st') ?? '')) return undefined
  return gatewayUrl(fields.get('location') ?? '', gateway)
}

/** An address of the gateway itself, without a name and a password in it. */
export const gatewayUrl = (text: string, gateway: string, base?: URL): URL | undefined => {
  const url = URL.parse(text, base?.href)
  const isOf = url?.protocol === 'http:' && url.hostname === gateway && url.username === '' && url.password === ''
  return url !== null && isOf ? url : undefined
}
