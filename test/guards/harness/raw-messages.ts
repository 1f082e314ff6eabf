/** Messages of kad-dht and gossipsub as bytes: a spammer does not use the libraries, which have limits of their own. */

const varint = (value: number): Uint8Array => {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Uint8Array.from([...bytes, rest])
}

const field = (number: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])

const flag = (number: number, value: number): Uint8Array => Buffer.concat([varint(number * 8), varint(value)])

/** ADD_PROVIDER of kad-dht. @param key - bytes of a CID @param addresses - bytes of multiaddrs */
export const addProvider = (key: Uint8Array, provider: Uint8Array, addresses: Uint8Array[]): Uint8Array =>
  Buffer.concat([
    flag(1, 2),
    field(2, key),
    field(9, Buffer.concat([field(1, provider), ...addresses.map((address) => field(2, address))]))
  ])

/** PUT_VALUE of kad-dht. */
export const putValue = (key: Uint8Array, value: Uint8Array): Uint8Array =>
  Buffer.concat([
    flag(1, 0),
    field(2, key),
    field(3, Buffer.concat([field(1, key), field(2, value), field(5, Buffer.from(new Date().toISOString()))]))
  ])

/** One RPC of gossipsub that subscribes to topics. */
export const subscribe = (topics: string[]): Uint8Array =>
  Buffer.concat(topics.map((topic) => field(1, Buffer.concat([flag(1, 1), field(2, Buffer.from(topic))]))))

/** A CID of version 1 and of raw bytes. */
export const cidBytes = (hashCode: number, digest: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(1, 0x55), varint(hashCode), varint(digest.length), digest])
