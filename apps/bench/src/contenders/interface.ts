import type { Place, Side } from '../place/place.ts'
import { finish, until } from '../program.ts'

/** What brings a network interface of its own: only namespaces keep it away from the machine's. */
export const whyNoInterface = ({ kind }: Place): string | undefined =>
  kind === 'namespaces' ? undefined : 'it brings an interface of its own, and there are no namespaces here'

/** Waits until a service of the far side takes a connection from the near one; asking makes a lazy overlay begin. */
export const untilReached = async (near: Side, address: string, port: number | undefined): Promise<void> =>
  until(`a connection to ${address}`, async () =>
    finish(near, 'timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`).then(
      () => true,
      () => false
    )
  )

/** `ip` within the namespace of a side. */
export const ipOn = async (side: Side, line: string): Promise<string> => finish(side, 'ip', ...line.split(' '))
