import { userInfo } from 'node:os'
import { freePort, start, untilListening, whyMissing } from '../program.ts'
import { clientSettings, makeKey, startSshd } from './sshd.ts'
import type { Contender } from './contender.ts'

/** `ssh -L`: one connection, one channel for each tunnel. Keys, port and settings are of this run alone. */
export const ssh: Contender = {
  name: 'ssh',
  describe: 'ssh -L, aes256-gcm@openssh.com',
  isEncrypted: true,
  missing: () => whyMissing('ssh', 'sshd', 'ssh-keygen'),
  open: async ({ near, far }, ports, folder) => {
    const key = await makeKey(near, folder)
    const { server, port } = await startSshd(far, key, folder)
    const ends = await Promise.all(ports.map(async () => ({ host: '127.0.0.1', port: await freePort() })))
    const forwards = ends.flatMap((end, i) => ['-L', `127.0.0.1:${end.port}:127.0.0.1:${ports[i]}`])
    const options = clientSettings.flatMap((one) => ['-o', one])
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
