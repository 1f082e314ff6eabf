import { expect } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import {
  checkPolicy,
  compilePolicy,
  decide,
  parsePolicy,
  type PolicyDirectory,
  type Subject
} from '@agent-mesh/identity'
import { idOf, keyOf, nowMs } from '../network-fixture.ts'

export const peerIdOf = async (number: number): Promise<string> => idOf(await keyOf(number)).toString()

export const someone = (name: string, groups: string[] = [], peerId = ''): Subject => ({ peerId, name, groups })

export const directory: PolicyDirectory = {
  members: [
    { peerId: await peerIdOf(11), name: 'alice', groups: ['ops'] },
    { peerId: await peerIdOf(12), name: 'bob', groups: [] },
    { peerId: await peerIdOf(13), name: 'carol', groups: ['web-servers'] }
  ]
}

/** Whether the policy lets one use a service of the other. */
export const asks = (
  source: string,
  caller: Subject,
  callee: Subject,
  service = 'web',
  capabilities: string[] = [],
  atMs = nowMs
) => decide(compilePolicy(parsePolicy(source)), { caller, callee, service, capabilities, nowMs: atMs })

/** What an author is told of a file that is refused. */
export const refusal = (
  source: string,
  known?: PolicyDirectory
): { message: string; hint: string; problems: string[] } => {
  try {
    const parsed = parsePolicy(source, { file: 'p.yaml' })
    checkPolicy(parsed, { nowMs, ...(known === undefined ? {} : { directory: known }) })
  } catch (err) {
    if (!(err instanceof MeshError)) throw err
    expect(err.code).toBe('POLICY_INVALID')
    const { problems } = err.details
    return { message: err.message, hint: err.hint, problems: Array.isArray(problems) ? problems : [] }
  }
  return expect.fail('The file was taken.')
}

export const warningsOf = (source: string, known?: PolicyDirectory): string[] =>
  checkPolicy(parsePolicy(source, { file: 'p.yaml' }), { nowMs, ...(known === undefined ? {} : { directory: known }) })
    .warnings
