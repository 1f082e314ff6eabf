import { join } from 'node:path'
import { vi } from 'vitest'
import { z } from 'zod'
import { inviteResponse, networkInfo, type NetworkInfo } from '@agent-mesh/wire/api'
import { makeScratchDir } from './cleanup.ts'
import { meshNodeJson } from './command.ts'
import { MeshProcess, type UpOptions } from './mesh-process.ts'

export interface MeshOptions<Name extends string> {
  /** The first one creates the network and invites the others. */
  members: readonly [Name, ...Name[]]
  /** How each is started. */
  up?: Partial<Record<Name, UpOptions>>
}

export type Mesh<Name extends string> = Readonly<Record<Name, MeshProcess>>

/** Joins a network from a fresh state directory, without starting a node. */
export const joinAs = async (inviter: MeshProcess, name: string, stateDir: string): Promise<void> => {
  const { ticket } = await inviter.json(inviteResponse, ['invite'])
  await meshNodeJson(z.unknown(), ['join', ticket, '--name', name], { stateDir })
}

/** Creates a network in a fresh state directory, without starting a node. */
export const createNetwork = async (name: string, stateDir: string): Promise<NetworkInfo> =>
  meshNodeJson(networkInfo, ['network', 'create', '--name', name], { stateDir })

/** Waits until each of the nodes is connected to as many others as are named. */
export const waitForPeers = async (nodes: readonly MeshProcess[], count = nodes.length - 1): Promise<void> => {
  for (const node of nodes) {
    await vi.waitFor(
      async () => {
        const connected = (await node.peers()).length
        if (connected < count) throw new Error(`${node.name} is connected to ${connected} of ${count}`)
      },
      { timeout: 30_000, interval: 100 }
    )
  }
}

/** Real processes, one a member, each connected to at least the first. */
export const createMesh = async <const Name extends string>({
  members,
  up = {}
}: MeshOptions<Name>): Promise<Mesh<Name>> => {
  const scratch = await makeScratchDir('e2e')
  const [founderName, ...others] = members
  const options: Partial<Record<Name, UpOptions>> = up
  await createNetwork(founderName, join(scratch, founderName))
  const founder = await MeshProcess.up(join(scratch, founderName), options[founderName])
  const nodes: Partial<Record<Name, MeshProcess>> = {}
  nodes[founderName] = founder
  const joined = others.map(async (name) => {
    const stateDir = join(scratch, name)
    await joinAs(founder, name, stateDir)
    const node = await MeshProcess.up(stateDir, options[name])
    await waitForPeers([node], 1)
    nodes[name] = node
  })
  await Promise.all(joined)
  const isComplete = (all: typeof nodes): all is Mesh<Name> => members.every((name) => all[name] !== undefined)
  if (!isComplete(nodes)) throw new Error(`two members are called the same: ${members.join(', ')}`)
  return nodes
}
