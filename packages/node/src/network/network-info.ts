import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import type { Credentials } from '../state/credentials.ts'

/** What `network show` and `status` print of a membership. */
export const describeNetwork = ({ networkId, networkKey, membership, rootKey }: Credentials): NetworkInfo => ({
  network: networkId,
  rootKey: Buffer.from(publicKeyToProtobuf(networkKey)).toString('base64'),
  peerId: membership.peerId.toString(),
  name: membership.name,
  groups: membership.groups,
  mayAdmit: membership.mayAdmit || rootKey !== undefined,
  hasRootKey: rootKey !== undefined,
  certificate: {
    serial: membership.serial,
    notBefore: new Date(membership.notBeforeMs).toISOString(),
    notAfter: new Date(membership.notAfterMs).toISOString(),
    issuer: membership.issuer.toString(),
    isIssuedByRoot: membership.isIssuedByRoot
  }
})
