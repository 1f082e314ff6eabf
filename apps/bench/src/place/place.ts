/** One of the two machines, as far as the bench is concerned. */
export interface Side {
  name: 'near' | 'far'
  /** Where the other side reaches it. */
  address: string
  /** Program and arguments that run another program on this side. */
  command: (program: string, ...args: string[]) => [program: string, args: string[]]
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
  close: () => void
}
