import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finish, freePort, pathOf, start, untilListening, type Running } from '../program.ts'
import type { Host } from '../place/place.ts'

/** Of clients: nothing of whoever runs the bench is read or asked. */
export const clientSettings = [
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  'LogLevel=ERROR',
  'IdentitiesOnly=yes',
  'ExitOnForwardFailure=yes'
]

/** Makes the key of a client. @returns its path */
export const makeKey = async (host: Host, folder: string, name = 'key'): Promise<string> => {
  const key = join(folder, name)
  await finish(host, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key)
  return key
}

/** Starts a server with a key of its own on a host, for whoever has this key. `name` tells its files from others. */
export const startSshd = async (
  host: Host,
  key: string,
  folder: string,
  name = 'sshd'
): Promise<{ server: Running; port: number }> => {
  const hostKey = await makeKey(host, folder, `${name}-host-key`)
  const config = join(folder, `${name}_config`)
  const port = await freePort()
  await writeFile(
    config,
    [
      `ListenAddress ${host.address}`,
      `Port ${port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${key}.pub`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'MaxSessions 10000',
      ''
    ].join('\n')
  )
  // sshd of root refuses to start without its empty folder, which a service manager makes otherwise.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const server = start(host, pathOf('sshd') ?? 'sshd', '-D', '-e', '-f', config)
  await untilListening(host, port)
  return { server, port }
}
