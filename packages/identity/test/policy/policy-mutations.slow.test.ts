import { describe, it } from 'vitest'
import { SignedPolicy } from '@agent-mesh/wire'
import { addPolicySignature, openPolicy } from '@agent-mesh/identity'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { graft, hex, judge, withoutStacks } from '../judge.ts'
import { dayMs, foreignRoot, networkKey, nowMs, root, stranger } from '../network-fixture.ts'
import { ann, annChain, ben, benChain, cas, casChain, dan, danChain, foreignChain, seal } from './policy-network.ts'

type Signatures = SignedPolicy['signatures']

const both = await addPolicySignature(await seal(ann, annChain), networkKey, ben, benChain)
const withRoot = await addPolicySignature(await seal(ben, benChain), networkKey, root, [])

/** What holds in a network that asks for two signatures. */
const valid: [Uint8Array, ...Uint8Array[]] = [both, withRoot]

/** What somebody may have kept, stolen or made: each is well signed, and none of them may do anything. */
const forged = await Promise.all([
  seal(),
  seal(ann, annChain),
  seal(dan, danChain),
  seal(cas, casChain),
  seal(stranger, annChain),
  seal(ann, foreignChain),
  seal(root, [], { version: 8 }),
  seal(ann, annChain, { version: 6, source: 'grants: []' }),
  seal(ann, annChain, { issuedMs: nowMs + dayMs }),
  seal(ann, annChain, { issuedMs: nowMs - 30 * dayMs }),
  seal(foreignRoot, [], { networkKey: foreignRoot.publicKey })
])

describe(`${cases} mutations`, () => {
  withoutStacks()

  it('of signed policies make no other policy', { timeout: 120_000 }, async () => {
    const random = seededRandom(seed + 7)
    const pool: [Uint8Array, ...Uint8Array[]] = [both, withRoot, ...forged]
    const parts: Signatures = pool.flatMap((bytes) => SignedPolicy.decode(new Uint8Array(bytes)).signatures)
    const part = (): Signatures[number] => parts[random.int(parts.length)] ?? { envelope: new Uint8Array(), chain: [] }
    // Two signatures that hold, in the other order, are as good: they say the same of the same payload.
    const swapped = valid.map((bytes) => {
      const { signatures } = SignedPolicy.decode(new Uint8Array(bytes))
      return SignedPolicy.encode({ signatures: signatures.toReversed() })
    })
    const judged = judge('policy', new Set([...valid, ...swapped, ...trios()].map((bytes) => hex([bytes]))))

    /** Pieces of several policies put together anew, each of them well formed. */
    const assemble = (): Uint8Array => {
      const signatures = Array.from({ length: 1 + random.int(3) }, part)
      const at = random.int(signatures.length)
      if (random.int(3) === 0) signatures[at] = { envelope: part().envelope, chain: part().chain }
      return SignedPolicy.encode({ signatures })
    }
    /** One field of a policy changed, everything around it as it should be. */
    const changeInside = (): Uint8Array => {
      const { signatures } = SignedPolicy.decode(new Uint8Array(random.pick(valid)))
      const at = random.int(signatures.length)
      const { envelope, chain } = signatures[at] ?? part()
      signatures[at] =
        chain.length > 0 && random.int(2) === 0
          ? { envelope, chain: [mutate(chain[0] ?? envelope, random)] }
          : { envelope: mutate(envelope, random), chain }
      return SignedPolicy.encode({ signatures })
    }

    for (let i = 0; i < cases; i++) {
      const kind = random.int(16)
      const bytes =
        kind === 0
          ? random.pick(pool)
          : kind < 3
            ? assemble()
            : kind < 6
              ? changeInside()
              : kind < 9
                ? graft(random.pick(pool), random.pick(pool), random)
                : mutate(random.pick(valid), random)
      await judged.try(
        i,
        () => hex([bytes]),
        async () => openPolicy(bytes, { networkKey, nowMs, signaturesNeeded: 2 })
      )
    }
    judged.end()
  })
})

/** Every way to put two or three of the good signatures over the good payload together. */
const trios = (): Uint8Array[] => {
  const good = [
    ...SignedPolicy.decode(new Uint8Array(both)).signatures,
    ...SignedPolicy.decode(new Uint8Array(withRoot)).signatures
  ]
  return good.flatMap((a) =>
    good.flatMap((b) => [
      SignedPolicy.encode({ signatures: [a, b] }),
      ...good.map((c) => SignedPolicy.encode({ signatures: [a, b, c] }))
    ])
  )
}
