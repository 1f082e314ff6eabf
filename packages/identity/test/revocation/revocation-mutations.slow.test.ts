import { expect, describe, it } from 'vitest'
import { createRevocationSet, readEnvelope, sealEnvelope, sealRevocation, sealSuccession } from '@agent-mesh/identity'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { SignedDocument } from '@agent-mesh/wire'
import { graft, hex, judge, withoutStacks } from '../judge.ts'
import {
  dayMs,
  foreignRoot,
  idOf,
  keyOf,
  member,
  memberChain,
  networkKey,
  nowMs,
  root,
  stranger
} from '../network-fixture.ts'
import { adminChain, delegateOwnChain, open, revoke } from './fixture.ts'

const envelope = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => SignedDocument.decode(new Uint8Array(bytes)).envelope
const pack = (one: Uint8Array<ArrayBuffer>, chain: Uint8Array[]): Uint8Array =>
  SignedDocument.encode({ envelope: one, chain: chain.map((link) => new Uint8Array(link)) })

/** What somebody would send who is not allowed to. */
const forgeries = async (): Promise<Uint8Array[]> => {
  const init = { networkKey, peerId: idOf(member), revokedMs: nowMs }
  const { payload } = readEnvelope('revocation', envelope(await revoke('root')), 6000, 'REVOCATION_INVALID')
  const succession = await sealSuccession({ networkKey, newPeer: idOf(stranger), timeMs: nowMs }, stranger)
  return [
    await sealRevocation(init, stranger, []),
    await sealRevocation(init, stranger, adminChain),
    await sealRevocation(init, stranger, delegateOwnChain),
    await sealRevocation(init, member, memberChain),
    await sealRevocation(init, member, adminChain),
    await sealRevocation({ ...init, networkKey: foreignRoot.publicKey }, foreignRoot, []),
    await sealRevocation(init, foreignRoot, []),
    await revoke('root', { revokedMs: nowMs + dayMs }),
    await revoke('root', { revokedMs: nowMs - 40 * dayMs }),
    await revoke('admin', { succession }),
    pack(await sealEnvelope('policy', payload, root), []),
    pack(await sealEnvelope('certificate', payload, root), []),
    pack(envelope(await revoke('admin')), []),
    pack(envelope(await revoke('admin')), delegateOwnChain),
    pack(envelope(await revoke('delegate')), adminChain),
    pack(envelope(await revoke('root')), adminChain)
  ]
}

describe(`${cases} forged revocations`, () => {
  withoutStacks()

  it('are refused, one by one as they are', async () => {
    for (const [index, forged] of (await forgeries()).entries()) {
      await expect(open(forged), `forgery ${index}`).rejects.toMatchObject({ name: 'MeshError' })
    }
  })

  it('are refused, changed, grafted and replayed', { timeout: 120_000 }, async () => {
    const other = await revoke('admin', { peerId: idOf(await keyOf(90)) })
    const valid: [Uint8Array, ...Uint8Array[]] = [
      await revoke('root'),
      await revoke('admin'),
      await revoke('delegate'),
      await revoke('otherAdmin', { reason: 'gone' }),
      other
    ]
    const pool: [Uint8Array, ...Uint8Array[]] = [valid[0], ...valid.slice(1), ...(await forgeries())]
    const random = seededRandom(seed + 7)
    const judged = judge('revocation', new Set(valid.map((one) => hex([one]))))
    const replayed = createRevocationSet({ networkKey, now: () => nowMs })
    await replayed.union(valid)
    const before = hex([replayed.digest()])
    const startedMs = process.cpuUsage()
    for (let i = 0; i < cases; i++) {
      const one = random.pick(random.int(4) === 0 ? pool : valid)
      const changed = random.int(8) === 0 ? graft(one, random.pick(pool), random) : mutate(one, random)
      await judged.try(
        i,
        () => hex([changed]),
        async () => {
          if (i % 4 === 0 && (await replayed.accept(changed))) throw new Error('it was taken over')
          return open(changed)
        }
      )
    }
    judged.end()
    expect(hex([replayed.digest()])).toBe(before)
    const { user, system } = process.cpuUsage(startedMs)
    process.stdout.write(`${cases} cases: ${((user + system) / 1e6).toFixed(1)} s of CPU\n`)
  })
})
