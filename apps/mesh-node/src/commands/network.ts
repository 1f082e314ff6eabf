import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { fields } from '../text.ts'

/** A network for people. */
export const describeNetwork = ({
  network,
  peerId,
  name,
  groups,
  mayAdmit,
  hasRootKey,
  certificate
}: NetworkInfo): string[] =>
  fields([
    ['network', network],
    ['name', name],
    ['peer id', peerId],
    ['groups', groups.join(', ') || '-'],
    ['admits others', mayAdmit ? `yes${hasRootKey ? ', with the root key of the network' : ''}` : 'no'],
    [
      'certificate',
      `until ${certificate.notAfter}, issued by ${certificate.isIssuedByRoot ? 'the root' : certificate.issuer}`
    ]
  ])

/** A running node answers faster than its files are read. */
export const showNetworkInfo = async (context: Context): Promise<NetworkInfo> => {
  try {
    return await context.ask((client) => client.network())
  } catch (err) {
    if (!(err instanceof MeshError) || err.code !== 'NO_DAEMON') throw err
    const { showNetwork } = await import('@agent-mesh/node')
    return showNetwork(await context.openStateDir())
  }
}

export const network: Command[] = [
  {
    command: 'network create',
    describe: 'Make a network, with this node as its first member. Needs no running node.',
    options: [
      { flags: '--name <name>', describe: 'name of this node in the network: one label of a-z, 0-9 and hyphens' },
      {
        flags: '--policy-signatures <count>',
        describe: 'how many admins have to sign a policy, 1 without it; it cannot be changed later'
      }
    ],
    examples: [
      {
        command: 'mesh-node network create --name alice',
        describe: 'make a network; then start the node and invite others'
      },
      {
        command: 'mesh-node network create --name alice --state-dir /var/lib/agent',
        describe: 'keep keys and settings in a directory of your choice'
      },
      {
        command: 'mesh-node network create --name alice --policy-signatures 2',
        describe: 'a network in which no admin changes the policy alone'
      }
    ],
    handler: async (input, context) => {
      const name = input.text('name')
      if (name === undefined)
        throw new MeshError('USAGE', 'A network needs the name of its first member.', {
          hint: context.here('network create --name <name>')
        })
      const { createNetwork } = await import('@agent-mesh/node')
      const policySignatures = input.count('policySignatures', 1, limits.policySignatures)
      const created = await createNetwork(await context.openStateDir(), {
        name,
        ...(policySignatures === undefined ? {} : { policySignatures })
      })
      context.print(created, () => [
        ...describeNetwork(created),
        '',
        'The root key is in the state directory: keep a backup of it, it cannot be made again.',
        'Start the node, then invite others:',
        context.here('up')
      ])
    }
  },
  {
    command: 'network show',
    describe: 'Show the network and the certificate of this node.',
    examples: [
      { command: 'mesh-node network show', describe: 'which network this is, and until when the certificate holds' }
    ],
    handler: async (_input, context) => {
      const shown = await showNetworkInfo(context)
      context.print(shown, () => describeNetwork(shown))
    }
  },
  {
    command: 'network leave',
    describe: 'Forget the network. The key stays: it is the address of this agent in whatever network it joins next.',
    examples: [{ command: 'mesh-node down; mesh-node network leave', describe: 'stop the node first' }],
    handler: async (_input, context) => {
      const { leaveNetwork } = await import('@agent-mesh/node')
      const left = await leaveNetwork(await context.openStateDir())
      context.print(left, () => [
        `Left network ${left.network}, in which this node was ${left.name}. To join another:`,
        context.here('join <ticket> --name <name>')
      ])
    }
  },
  {
    command: 'network root export',
    describe: 'Copy the root key to a file: the only backup of the power to admit.',
    arguments: [{ name: '<file>', describe: 'a new file; it gets mode 0600 and no passphrase' }],
    examples: [
      { command: 'mesh-node network root export /media/usb/root.key', describe: 'keep it away from this node' }
    ],
    handler: async (input, context) => {
      const { exportRootKey } = await import('@agent-mesh/node')
      const made = await exportRootKey(await context.openStateDir(), input.argument(0))
      context.print(made, () => [
        `The root key of ${made.network} is in ${made.file}, without a passphrase: whoever has the file can admit anybody.`,
        'To take it off this node:',
        context.here('network root remove --yes')
      ])
    }
  },
  {
    command: 'network root import',
    describe: 'Put the root key of this network on this node. The node must not run.',
    arguments: [{ name: '<file>', describe: 'what mesh-node network root export wrote' }],
    examples: [{ command: 'mesh-node network root import /media/usb/root.key', describe: 'sign as the root again' }],
    handler: async (input, context) => {
      const { importRootKey } = await import('@agent-mesh/node')
      const shown = await importRootKey(await context.openStateDir(), input.argument(0))
      context.print(shown, () => describeNetwork(shown))
    }
  },
  {
    command: 'network root remove',
    describe: 'Take the root key off this node, which goes on by its certificate. The node must not run.',
    options: [{ flags: '--yes', describe: 'do it; a backup has to have been exported before' }],
    examples: [{ command: 'mesh-node network root remove --yes', describe: 'keep the root key offline' }],
    handler: async (input, context) => {
      if (!input.has('yes'))
        throw new MeshError('USAGE', 'This removes the root key from this node.', {
          hint: context.here('network root remove --yes')
        })
      const { removeRootKey } = await import('@agent-mesh/node')
      const shown = await removeRootKey(await context.openStateDir())
      context.print(shown, () => describeNetwork(shown))
    }
  }
]
