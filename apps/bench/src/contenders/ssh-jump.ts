import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort, start, untilListening, whyMissing, type Running } from '../program.ts'
import { clientSettings, makeKey, startSshd } from './sshd.ts'
import { middleOf, whyNoMiddle } from './relayed.ts'
import type { Contender } from './contender.ts'

/** `ssh -J`: encrypted from end to end, within a connection to the host between that is encrypted once more. */
export const sshJump: Contender = {
  name: 'ssh',
  describe: 'ssh -L with -J through a host between, aes256-gcm@openssh.com',
  isEncrypted: true,
  missing: (place) => whyNoMiddle(place) ?? whyMissing('ssh', 'sshd', 'ssh-keygen'),
  open: async (place, ports, folder) => {
    const { near, far, fromNear, fromFar } = middleOf(place)
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const key = await makeKey(near, folder)
      const target = await startSshd(far, key, folder, 'far')
      running.push(target.server)
      const jump = await startSshd({ ...fromFar, address: fromNear.address }, key, folder, 'jump')
      running.push(jump.server)
      // flags are not handed on to the client that makes the first hop, a file is
      const config = join(folder, 'ssh_config')
      const settings = clientSettings.map((one) => one.replace('=', ' '))
      await writeFile(config, [...settings, `IdentityFile ${key}`, 'Ciphers aes256-gcm@openssh.com', ''].join('\n'))
      const ends = await Promise.all(ports.map(async () => ({ host: '127.0.0.1', port: await freePort() })))
      const forwards = ends.flatMap((end, i) => ['-L', `127.0.0.1:${end.port}:127.0.0.1:${ports[i]}`])
      const { username } = userInfo()
      const way = ['-J', `${username}@${fromNear.address}:${jump.port}`, '-p', String(target.port)]
      running.push(start(near, 'ssh', '-N', '-F', config, ...way, ...forwards, `${username}@${far.address}`))
      for (const end of ends) await untilListening(near, end.port)
      return { ends, pids: running.map(({ pid }) => pid), close }
    } catch (err) {
      await close()
      throw err
    }
  }
}
