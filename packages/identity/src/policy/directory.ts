import type { Subject } from './language.ts'

/** Members and groups that the author of a policy knows of; names that are in neither are taken for typing errors. */
export interface PolicyDirectory {
  members: readonly Subject[]
  /** Groups of certificates beside those of the members. */
  groups?: readonly string[]
}

/** The same, to look things up in. */
export class Acquaintances {
  readonly names: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly peers: ReadonlySet<string>
  readonly #byName: ReadonlyMap<string, Subject>
  readonly #byPeer: ReadonlyMap<string, Subject>

  constructor({ members, groups = [] }: PolicyDirectory) {
    this.names = new Set(members.map(({ name }) => name))
    this.groups = new Set([...groups, ...members.flatMap((member) => member.groups)])
    this.peers = new Set(members.map(({ peerId }) => peerId))
    this.#byName = new Map(members.map((member) => [member.name, member]))
    this.#byPeer = new Map(members.map((member) => [member.peerId, member]))
  }

  named(name: string): Subject | undefined {
    return this.#byName.get(name)
  }

  withPeerId(peerId: string): Subject | undefined {
    return this.#byPeer.get(peerId)
  }
}
