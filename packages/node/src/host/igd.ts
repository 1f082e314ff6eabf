/**
 * The Internet Gateway Device protocol of UPnP as text: its description, and calls by SOAP. What comes from a gateway is
 * searched for the few elements that are needed, from left to right and once; nothing in it is expanded or fetched.
 */
import { gatewayUrl } from './ssdp.ts'

/** What maps ports at a gateway. */
export interface IgdService {
  type: string
  control: URL
}

/** Best first. Version 2 is for version 1 what it was before. */
const serviceTypes = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (name) => `urn:schemas-upnp-org:service:${name}`
)

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const unescape = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '')

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Text of the first element of that name without a prefix, which holds text alone. */
export const textOf = (xml: string, name: string): string | undefined => {
  for (let at = xml.indexOf(`<${name}`); at !== -1; at = xml.indexOf(`<${name}`, at + 1)) {
    const next = xml[at + name.length + 1] ?? ''
    if (next !== '>' && next.trim() !== '') continue
    const begin = xml.indexOf('>', at) + 1
    const end = xml.indexOf('<', begin)
    if (begin === 0 || end === -1) return undefined
    return unescape(xml.slice(begin, end).trim())
  }
  return undefined
}

/**
 * The service that maps ports, in the description of a device.
 * @param location - of the description, at the gateway; its services have to be there as well
 */
export const serviceIn = (xml: string, location: URL): IgdService | undefined => {
  const blocks = xml.split('<service>').slice(1)
  const found = blocks.flatMap((block): IgdService[] => {
    const type = textOf(block, 'serviceType')
    const path = textOf(block, 'controlURL')
    if (type === undefined || path === undefined || !serviceTypes.includes(type)) return []
    const control = gatewayUrl(path, location.hostname, location)
    return control === undefined || control.port !== location.port ? [] : [{ type, control }]
  })
  return found.toSorted((a, b) => serviceTypes.indexOf(a.type) - serviceTypes.indexOf(b.type))[0]
}

/** Body of a call. */
export const callOf = (service: string, action: string, values: Readonly<Record<string, string | number>>): string =>
  [
    '<?xml version="1.0"?>',
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"',
    ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>',
    `<u:${action} xmlns:u="${service}">`,
    ...Object.entries(values).map(([name, value]) => `<${name}>${escape(String(value))}</${name}>`),
    `</u:${action}></s:Body></s:Envelope>\r\n`
  ].join('')

/** Codes of WANIPConnection that are acted upon. */
export const igdErrors = { conflict: 718, onlyPermanent: 725 } as const

const reasons: Readonly<Record<number, string>> = {
  606: 'it does not allow this',
  718: 'the port is taken',
  728: 'it has no port left'
}

/** The gateway has refused a call. */
export class IgdError extends Error {
  override readonly name = 'IgdError'
  readonly code: number

  constructor(code: number) {
    super(reasons[code] ?? `it answered ${code}`)
    this.code = code
  }
}

/** The code of a call that was refused; 0 where none is given. */
export const errorCodeIn = (xml: string): number => {
  const text = textOf(xml, 'errorCode') ?? ''
  return /^\d{1,4}$/.test(text) ? Number(text) : 0
}
