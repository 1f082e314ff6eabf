import { MeshError } from './errors.ts'
import { limits } from './limits.ts'
import { quote } from './quote.ts'

const reserved = new Set(['cap', 'mesh', 'local', 'localhost', 'members'])
const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

/**
 * Checks a member, group or service name: one DNS label in lower case that is not reserved and cannot be
 * mistaken for a peer id.
 * @throws MeshError NAME_INVALID
 */
export const parseName = (text: string, what: 'member' | 'group' | 'service' = 'member'): string => {
  const fail = (why: string): never => {
    throw new MeshError('NAME_INVALID', `${quote(text)} is no ${what} name: ${why}.`)
  }
  if (text.length === 0 || text.length > limits.nameLength) fail(`it needs 1 to ${limits.nameLength} characters`)
  if (!label.test(text)) fail('it is not one label of a-z, 0-9 and inner hyphens')
  if (reserved.has(text)) fail('it is reserved')
  if (looksLikePeerId(text)) fail('it looks like a peer id')
  return text
}

/** True for the base58 (`12D3Koo…`) and base36 (`k51…`) forms of an Ed25519 peer id. */
export const looksLikePeerId = (text: string): boolean =>
  /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(text) || /^k51[0-9a-z]{59}$/.test(text)
