import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { finish, freePort, pathOf, start, untilListening, whyMissing } from '../program.ts'
import type { Contender } from './contender.ts'

const settings = [
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  'LogLevel=ERROR',
  'IdentitiesOnly=yes',
  'ExitOnForwardFailure=yes'
]

/** `ssh -L`: one connection, one channel for each tunnel. Keys, port and settings are of this run alone. */
export const ssh: Contender = {
  name: 'ssh',
  describe: 'ssh -L, aes256-gcm@openssh.com',
  isEncrypted: true,
  missing: () => whyMissing('ssh', 'sshd', 'ssh-keygen'),
  open: async ({ near, far }, ports, folder) => {
    const [hostKey, key] = [join(folder, 'host-key'), join(folder, 'key')]
    for (const file of [hostKey, key]) await finish(near, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file)
    const config = join(folder, 'sshd_config')
    const port = await freePort()
    await writeFile(
      config,
      [
        `ListenAddress ${far.address}`,
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
    const server = start(far, pathOf('sshd') ?? 'sshd', '-D', '-e', '-f', config)
    await untilListening(far, port)
    const ends = await Promise.all(ports.map(async () => ({ host: '127.0.0.1', port: await freePort() })))
    const forwards = ends.flatMap((end, i) => ['-L', `127.0.0.1:${end.port}:127.0.0.1:${ports[i]}`])
    const options = settings.flatMap((one) => ['-o', one])
    const flags = ['-N', '-F', 'none', '-i', key, '-p', String(port), '-c', 'aes256-gcm@openssh.com', ...options]
    const client = start(near, 'ssh', ...flags, ...forwards, `${userInfo().username}@${far.address}`)
    const close = async (): Promise<void> => {
      await client.stop()
      await server.stop()
    }
    try {
      for (const end of ends) await untilListening(near, end.port)
    } catch (err) {
      await close()
      throw err
    }
    return { ends, pids: [client.pid, server.pid], close }
  }
}
