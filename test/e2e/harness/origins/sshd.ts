import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { makeScratchDir, onCleanup } from '../cleanup.ts'
import { run, start } from '../command.ts'
import { freePort } from '../local-server.ts'
import { findProgram } from '../program.ts'

export interface Sshd {
  port: number
  user: string
  /** Options of `ssh` and `scp` with which the server and the client know each other, and nothing else is read. */
  clientOptions: string[]
  scratch: string
}

const makeKey = async (path: string): Promise<void> => {
  const { code, stderr } = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
  if (code !== 0) throw new Error(`ssh-keygen: ${stderr}`)
}

const privilegeFolder = '/run/sshd'
const madeByTests = 'made-by-tests'

/**
 * sshd of root insists on its empty folder, which an init system would have made, for as long as it runs. Tests of several
 * files may need it at once: the last one takes it away, where a test has made it.
 */
export const makePrivilegeFolder = async (): Promise<void> => {
  if (process.getuid?.() !== 0) return
  const use = join(privilegeFolder, `in-use-${randomUUID()}`)
  const enter = async (): Promise<void> => {
    const made = await mkdir(privilegeFolder, { recursive: true, mode: 0o755 })
    if (made !== undefined) await writeFile(join(privilegeFolder, madeByTests), '')
    await writeFile(use, '')
  }
  // Once more, where the last one before took it away at this moment.
  await enter().catch(enter)
  onCleanup(async () => {
    await rm(use)
    const left = await readdir(privilegeFolder)
    if (left.length === 1 && left[0] === madeByTests) await rm(privilegeFolder, { recursive: true })
  })
}

/** A real sshd with its own host key and configuration, for the user who runs the tests. */
export const startSshd = async (alias: string): Promise<Sshd> => {
  const scratch = await makeScratchDir('sshd')
  await makePrivilegeFolder()
  const [hostKey, userKey] = [join(scratch, 'host_key'), join(scratch, 'user_key')]
  await makeKey(hostKey)
  await makeKey(userKey)
  const port = await freePort()
  await writeFile(join(scratch, 'authorized_keys'), await readFile(`${userKey}.pub`))
  await writeFile(join(scratch, 'known_hosts'), `${alias} ${await readFile(`${hostKey}.pub`, 'utf8')}`)
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(scratch, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'AllowTcpForwarding yes',
    'Subsystem sftp internal-sftp',
    'LogLevel VERBOSE'
  ]
  await writeFile(join(scratch, 'sshd_config'), `${config.join('\n')}\n`)
  const child = start(findProgram('sshd') ?? 'sshd', ['-D', '-e', '-f', join(scratch, 'sshd_config')])
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  onCleanup(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  await vi.waitFor(
    () => {
      if (!log.includes('Server listening')) throw new Error(`sshd does not listen:\n${log}`)
    },
    { timeout: 10_000, interval: 50 }
  )
  return {
    port,
    user: userInfo().username,
    scratch,
    clientOptions: [
      '-F',
      '/dev/null',
      '-i',
      userKey,
      '-o',
      `UserKnownHostsFile=${join(scratch, 'known_hosts')}`,
      '-o',
      `HostKeyAlias=${alias}`,
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'IdentityAgent=none',
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      'BatchMode=yes',
      '-o',
      'ConnectTimeout=20'
    ]
  }
}
