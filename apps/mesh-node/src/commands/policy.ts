import { readFile, writeFile } from 'node:fs/promises'
import { MeshError } from '@agent-mesh/wire/errors'
import { fields, formatMs, formatTime, table } from '../text.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'

type Request = { file: string; source: string } | { file: string; signed: string }

/** What `policy sign` writes begins with this line; the rest is base64. */
const signedHeader = 'mesh-node signed policy'

const read = async (file: string): Promise<Request> => {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new MeshError('USAGE', `${file} cannot be read.`, { cause })
  })
  return text.startsWith(signedHeader)
    ? { file, signed: text.slice(signedHeader.length).trim() }
    : { file, source: text }
}

const warn = (context: Context, warnings: string[]): void => {
  for (const warning of warnings) context.note(`warning: ${warning}`)
}

const file = { name: '<file>', describe: 'the policy, or what policy sign made of it' }

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

const check: Command = {
  command: 'policy check',
  describe: 'Look for what is wrong with a policy; changes nothing.',
  arguments: [file],
  examples: [{ command: 'mesh-node policy check policy.yaml', describe: 'line and suggestion for each mistake' }],
  handler: async (input, context) => {
    const request = await read(input.argument(0))
    const found = await context.ask((client) => client.checkPolicy(request))
    warn(context, found.warnings)
    const parts = [count(found.groups, 'group'), count(found.grants, 'grant'), count(found.tests, 'test')]
    context.print(found, () => [
      `${request.file} is fine: ${parts.join(', ')}.`,
      context.here(`policy push ${request.file}`)
    ])
  }
}

const sign: Command = {
  command: 'policy sign',
  describe: 'Sign a policy for another admin to sign and push.',
  arguments: [file],
  options: [{ flags: '--out <file>', describe: 'where to write it; the name with .signed without it' }],
  examples: [
    { command: 'mesh-node policy sign policy.yaml', describe: 'writes policy.yaml.signed for the next admin' }
  ],
  handler: async (input, context) => {
    const request = await read(input.argument(0))
    const signed = await context.ask((client) => client.signPolicy(request))
    const out = input.text('out') ?? `${request.file.replace(/\.signed$/, '')}.signed`
    await writeFile(out, `${signedHeader}\n${signed.signed}\n`)
    warn(context, signed.warnings)
    const missing = signed.signaturesNeeded - signed.signers.length
    context.print({ ...signed, out }, () => [
      `${out}: version ${signed.version}, signed by ${signed.signers.length} of ${signed.signaturesNeeded} admins.`,
      missing > 0 ? `On the node of another admin: mesh-node policy sign ${out}` : context.here(`policy push ${out}`)
    ])
  }
}

const push: Command = {
  command: 'policy push',
  describe: 'Sign a policy, put it in force, and tell every member.',
  arguments: [file],
  examples: [{ command: 'mesh-node policy push policy.yaml', describe: 'it becomes the next version' }],
  handler: async (input, context) => {
    const request = await read(input.argument(0))
    const pushed = await context.waiting(
      'pushing the policy',
      context.ask((client) => client.pushPolicy(request))
    )
    warn(context, pushed.warnings)
    context.print(pushed, () => [
      `Version ${pushed.version} of the policy is in force here; members are told.`,
      context.here('policy status')
    ])
  }
}

const none = 'No policy: members may use what a node serves.'

const show: Command = {
  command: 'policy show',
  describe: 'Print the policy in force, as its author wrote it.',
  examples: [{ command: 'mesh-node policy show > policy.yaml', describe: 'begin the next one with it' }],
  handler: async (_input, context) => {
    const policy = await context.ask((client) => client.policy())
    warn(context, policy.warnings)
    if (policy.source === undefined) context.note(policy.state === 'none' ? none : 'Everything is denied.')
    context.print(policy, () => (policy.source === undefined ? [] : [policy.source.trimEnd()]))
  }
}

const status: Command = {
  command: 'policy status',
  describe: 'Who holds which version of the policy.',
  examples: [{ command: 'mesh-node policy status', describe: 'and how long the last one took to reach everybody' }],
  handler: async (_input, context) => {
    const policy = await context.ask((client) => client.policyStatus())
    warn(context, policy.warnings)
    if (policy.hasFork) context.note('warning: POLICY_FORK: another policy of this version is known; push once more.')
    context.print(policy, () => {
      if (policy.state === 'none') return [none]
      if (policy.state === 'awaited')
        return ['The network has a policy that has not come yet: everything is denied until a member brings it.']
      if (policy.state === 'damaged') return ['Everything is denied until another member brings the policy.']
      const missing = policy.holders.length === 0 ? 'no other member is connected' : 'not yet'
      const { convergedMs, issuedMs = 0, hash = '' } = policy
      const signers = policy.signers.map(({ name, peerId }) => (name === '' ? `root key ${peerId}` : name))
      return [
        ...fields([
          ['version', String(policy.version)],
          ['hash', hash],
          ['issued', formatTime(issuedMs)],
          ['signed by', signers],
          ['reached all', convergedMs === undefined ? missing : `after ${formatMs(convergedMs)}`]
        ]),
        ...table(
          ['MEMBER', 'PEER', 'VERSION', 'CURRENT'],
          policy.holders.map((one) => [one.name ?? '', one.peer, String(one.version), one.isCurrent ? 'yes' : 'no'])
        )
      ]
    })
  }
}

export const policy: Command[] = [check, sign, push, show, status]
