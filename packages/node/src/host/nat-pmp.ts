/** NAT-PMP (RFC 6886) as bytes: how a node asks its gateway for a port. */

/** Where gateways listen, by UDP. */
export const natPmpPort = 5351

export type NatPmpAnswer =
  | { kind: 'address'; address: string }
  | { kind: 'mapping'; internalPort: number; externalPort: number; lifetimeSeconds: number }
  | { kind: 'refused'; reason: string }

const opcodes = { address: 0, tcp: 2 } as const
const answered = 128

/** Of RFC 6886, section 3.5. */
const reasons: Record<number, string> = {
  1: 'it does not speak this version of NAT-PMP',
  2: 'it does not allow port mappings',
  3: 'it has no address of its own',
  4: 'it has no port left',
  5: 'it does not map TCP ports'
}

/** Asks which address the gateway has outside. */
export const encodeAddressRequest = (): Uint8Array => Uint8Array.of(0, opcodes.address)

/** Asks for a TCP port outside; a lifetime of 0 gives it back. */
export const encodeMappingRequest = (
  internalPort: number,
  externalPort: number,
  lifetimeSeconds: number
): Uint8Array => {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  bytes[1] = opcodes.tcp
  view.setUint16(4, internalPort)
  view.setUint16(6, externalPort)
  view.setUint32(8, lifetimeSeconds)
  return bytes
}

/** What a gateway answered; undefined where it is no answer to one of these requests. */
export const decodeAnswer = (bytes: Uint8Array): NatPmpAnswer | undefined => {
  if (bytes.length < 4 || bytes[0] !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const opcode = (bytes[1] ?? 0) - answered
  if (opcode !== opcodes.address && opcode !== opcodes.tcp) return undefined
  const result = view.getUint16(2)
  if (result !== 0) return { kind: 'refused', reason: reasons[result] ?? `it answered ${result}` }
  if (opcode === opcodes.address)
    return bytes.length < 12 ? undefined : { kind: 'address', address: bytes.subarray(8, 12).join('.') }
  if (bytes.length < 16) return undefined
  return {
    kind: 'mapping',
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetimeSeconds: view.getUint32(12)
  }
}
