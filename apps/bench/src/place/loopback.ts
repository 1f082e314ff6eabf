import type { Place } from './place.ts'

const command = (program: string, ...args: string[]): [string, string[]] => [program, args]

/** Both sides on 127.0.0.1, for who has no namespaces. Contenders that need an interface of their own are left out. */
export const createLoopback = (reason: string): Place => {
  return {
    kind: 'loopback',
    reason,
    near: { name: 'near', address: '127.0.0.1', command },
    far: { name: 'far', address: '127.0.0.1', command },
    whyNoDelay: () => 'packets can be delayed between namespaces only',
    delay: async () => {},
    middle: undefined,
    close: () => {}
  }
}
