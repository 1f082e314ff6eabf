/** The agent behind a tunnel. */
export interface ServedBy {
  peerId: string
  name?: string | undefined
  service: string
}

/** Value of the header `Mesh-Served-By`: an item of structured fields (RFC 8941) with parameters. */
export const formatServedBy = ({ peerId, name, service }: ServedBy): string =>
  `"${peerId}"${name === undefined ? '' : `;name="${name}"`};service="${service}"`
