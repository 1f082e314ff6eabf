/** A machine, as far as the bench is concerned. */
export interface Host {
  /** Where others reach it. */
  address: string
  /** Program and arguments that run another program on it. */
  command: (program: string, ...args: string[]) => [program: string, args: string[]]
}

/** One of the two that every way has. */
export interface Side extends Host {
  name: 'near' | 'far'
}

/** A third machine with a cable to each side, over which the two do not reach each other: it passes no packets on. */
export interface Middle {
  /** The sides, by their addresses on these cables. */
  near: Side
  far: Side
  /** The machine itself, as each of the two reaches it. */
  fromNear: Host
  fromFar: Host
}

/** Where clients run (near) and services (far). Nothing in it reaches the outside. */
export interface Place {
  kind: 'namespaces' | 'loopback'
  /** Why it is no better place; undefined for namespaces. */
  reason: string | undefined
  near: Side
  far: Side
  /** Why packets cannot be delayed here; undefined where they can. */
  whyNoDelay: () => string | undefined
  /** Packets take so much longer from now on, each way. */
  delay: (ms: number) => Promise<void>
  /** Undefined where there are no namespaces. */
  middle: Middle | undefined
  close: () => void
}
