import { describe, expect, it } from 'vitest'
import { networkIdOf, peerIdFromBytes } from '@agent-mesh/identity'
import { foreignRoot, idOf, keyOf, member, networkKey, root } from './network-fixture.ts'

describe('a network id', () => {
  it('is 26 letters and digits, the same for the same root key, another for another', async () => {
    expect(networkIdOf(networkKey)).toMatch(/^[a-z2-7]{26}$/)
    expect(networkIdOf(networkKey)).toBe(networkIdOf(root.publicKey))
    const ids = await Promise.all(Array.from({ length: 50 }, async (_, i) => networkIdOf((await keyOf(i)).publicKey)))
    expect(new Set(ids).size).toBe(50)
    expect(networkIdOf(foreignRoot.publicKey)).not.toBe(networkIdOf(networkKey))
  })
})

describe('the bytes of a peer id', () => {
  it('come back as the peer id', () => {
    expect(peerIdFromBytes(idOf(member).toMultihash().bytes).equals(idOf(member))).toBe(true)
  })

  it('are refused with the error that the caller names', () => {
    const own = idOf(member).toMultihash().bytes
    const padded = Uint8Array.from([0, own.length, ...own.subarray(2), 0x20, 0x00])
    const url = Uint8Array.from([0, 19, ...new TextEncoder().encode('https://example.org')])
    for (const bytes of [padded, url, new Uint8Array(), own.slice(1), Uint8Array.from([...own, 0])]) {
      expect(() => peerIdFromBytes(bytes)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_INVALID' }))
      expect(() => peerIdFromBytes(bytes, 'RECORD_INVALID')).toThrow(
        expect.objectContaining({ name: 'MeshError', code: 'RECORD_INVALID' })
      )
    }
  })
})
