import type { Place } from '../place/place.ts'

/** Where a client on the near side reaches one service of the far side. */
export interface End {
  host: string
  port: number
}

/** A way from near to far that is up. */
export interface Path {
  /** One for each port that it was opened for, in their order. */
  ends: End[]
  /** Whose processor time is the price of this way; what they start is counted with them. */
  pids: number[]
  close: () => Promise<void>
}

/** Something that carries TCP between two machines. */
export interface Contender {
  /** As it is asked for and shown. */
  name: string
  /** What it is, for people: program, cipher. */
  describe: string
  /** Carries payload that nobody on the way can read. */
  isEncrypted: boolean
  /** Why it cannot take part; undefined where it can. */
  missing: (place: Place) => string | undefined
  /** Opens a way to services that listen on these ports of the far side. `folder` is for its files and is removed later. */
  open: (place: Place, ports: readonly number[], folder: string) => Promise<Path>
}
