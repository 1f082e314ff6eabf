import { MeshError } from '@agent-mesh/wire/errors'
import type { SignRequest, SignResponse } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { describeNetwork, showNetworkInfo } from './network.ts'

const dayMs = 24 * 3_600_000

const groupsOf = (input: Input): string[] | undefined =>
  input
    .text('groups')
    ?.split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '')

/** The running node signs, or the files do where none runs. */
const sign = async (context: Context, request: SignRequest): Promise<SignResponse> => {
  try {
    return await context.ask((client) => client.signCertificate(request))
  } catch (err) {
    if (!(err instanceof MeshError) || err.code !== 'NO_DAEMON' || err.message.includes('hung up')) throw err
    const { signCertificate } = await import('@agent-mesh/node')
    return signCertificate(await context.openStateDir(), request)
  }
}

export const cert: Command[] = [
  {
    command: 'cert request',
    describe: 'Print a request for a certificate, for a node that no member can reach. Needs no running node.',
    options: [
      { flags: '--name <name>', describe: 'name of this node in the network: one label of a-z, 0-9 and hyphens' },
      { flags: '--groups <names>', describe: 'groups that it asks for, with commas between them; the issuer decides' }
    ],
    examples: [
      { command: 'mesh-node cert request --name bob --groups workers', describe: 'carry the printed text to an issuer' }
    ],
    handler: async (input, context) => {
      const name = input.text('name')
      if (name === undefined)
        throw new MeshError('USAGE', 'A new member needs a name.', { hint: context.here('cert request --name <name>') })
      const groups = groupsOf(input)
      const { requestCertificate } = await import('@agent-mesh/node')
      const made = await requestCertificate(await context.openStateDir(), {
        name,
        ...(groups === undefined ? {} : { groups })
      })
      context.print(made, () => [
        `A request of ${made.peerId}. It is no secret. On a node that may admit others:`,
        `mesh-node cert sign ${made.request}`
      ])
    }
  },
  {
    command: 'cert sign',
    describe: 'Sign the request of a node that no member can reach. Needs the root key, or the right to admit.',
    arguments: [{ name: '<request>', describe: 'what mesh-node cert request printed: meshreq1…' }],
    options: [
      { flags: '--name <name>', describe: 'another name than it asks for' },
      { flags: '--groups <names>', describe: 'other groups than it asks for, with commas between them; "" for none' },
      { flags: '--admit', describe: 'it may admit others, into its own groups; takes the root key' },
      { flags: '--ephemeral <duration>', describe: 'it lasts so long and is not renewed, as 7d' }
    ],
    examples: [
      { command: 'mesh-node cert sign meshreq1…', describe: 'carry the printed text back to the node' },
      { command: 'mesh-node cert sign meshreq1… --groups ci --ephemeral 7d', describe: 'a member for a week' }
    ],
    handler: async (input, context) => {
      const name = input.text('name')
      const groups = groupsOf(input)
      const ephemeralMs = input.duration('ephemeral', 60_000, 30 * dayMs)
      const signed = await context.waiting(
        'signing',
        sign(context, {
          request: input.argument(0),
          ...(name === undefined ? {} : { name }),
          ...(groups === undefined ? {} : { groups }),
          ...(input.has('admit') ? { mayAdmit: true } : {}),
          ...(ephemeralMs === undefined ? {} : { ephemeralMs })
        })
      )
      context.print(signed, () => [
        `${signed.name} (${signed.peerId}) is certified until ${signed.notAfter}, in ${signed.groups.join(', ') || 'no group'}.`,
        'On its machine:',
        `mesh-node cert import ${signed.certificate}`
      ])
    }
  },
  {
    command: 'cert import',
    describe: 'Take over a certificate that was signed for this node. The node must not run.',
    arguments: [{ name: '<certificate>', describe: 'what mesh-node cert sign printed: meshcert1…' }],
    examples: [{ command: 'mesh-node cert import meshcert1…', describe: 'become a member, then start the node' }],
    handler: async (input, context) => {
      const { importCertificate } = await import('@agent-mesh/node')
      const joined = await importCertificate(await context.openStateDir(), input.argument(0))
      context.print(joined, () => [...describeNetwork(joined), '', 'Start the node:', context.here('up')])
    }
  },
  {
    command: 'cert show',
    describe: 'Show the certificate of this node.',
    examples: [{ command: 'mesh-node cert show --json', describe: 'serial, issuer and end, for a script' }],
    handler: async (_input, context) => {
      const shown = await showNetworkInfo(context)
      context.print(shown, () => [...describeNetwork(shown), `serial  ${shown.certificate.serial}`])
    }
  },
  {
    command: 'cert renew',
    describe: 'Renew the certificate of the running node now. It renews itself in the last third of its life.',
    examples: [{ command: 'mesh-node cert renew', describe: 'try it, and see who refuses' }],
    handler: async (_input, context) => {
      const renewed = await context.waiting(
        'asking those who may admit',
        context.ask((client) => client.renewCertificate())
      )
      context.print(renewed, () => [
        `Renewed until ${renewed.notAfter} by ${renewed.isIssuedByRoot ? 'the root' : renewed.issuer}.`
      ])
    }
  },
  {
    command: 'cert rotate',
    describe:
      'Give this node another key, and so another peer id, under the same name. The node must run, then restart.',
    examples: [
      { command: 'mesh-node cert rotate && mesh-node down; mesh-node up', describe: 'go on under the new key' }
    ],
    handler: async (_input, context) => {
      const rotated = await context.waiting(
        'asking those who may admit',
        context.ask((client) => client.rotateKey())
      )
      context.print(rotated, () => [
        `The peer id was ${rotated.oldPeerId} and will be ${rotated.newPeerId}.`,
        'The old one is revoked: restart the node, which is put out of the network until then.',
        context.here('down')
      ])
    }
  }
]
