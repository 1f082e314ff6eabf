/**
 * SSH over the mesh: OpenSSH as it is, with `mesh-node nc` as its ProxyCommand. Alice's sshd listens nowhere: her node
 * starts one for each login. Bob logs in by her name, from wherever he is.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startAgent } from '@agent-mesh/node'

const run = promisify(execFile)
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
const find = (program: string): string | undefined =>
  folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
const [ssh, sshd, keygen] = ['ssh', 'sshd', 'ssh-keygen'].map(find)
if (ssh === undefined || sshd === undefined || keygen === undefined) {
  console.log('skipped: ssh, sshd or ssh-keygen is not installed')
  process.exit()
}

const folder = await mkdtemp(join(tmpdir(), 'mesh-ssh-'))
const inFolder = (name: string): string => join(folder, name)
const asOptions = (lines: string[]): string[] => lines.flatMap((line) => ['-o', line])
// An sshd of root insists on this folder, which the system makes when it starts its own.
const made = process.getuid?.() === 0 ? await mkdir('/run/sshd', { recursive: true, mode: 0o755 }) : undefined
const listen = ['/ip4/127.0.0.1/tcp/0']
const alice = await startAgent({ name: 'alice', isFounder: true, listen })
const bob = await startAgent({ name: 'bob', ticket: await alice.invite(), listen, stateDir: inFolder('bob') })

try {
  for (const key of ['host', 'user']) await run(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', inFolder(key)])
  await copyFile(inFolder('user.pub'), inFolder('authorized'))
  const settings = [
    `HostKey=${inFolder('host')}`,
    `AuthorizedKeysFile=${inFolder('authorized')}`,
    `SetEnv=AGENT=${alice.peerId}`,
    'StrictModes=no',
    'PasswordAuthentication=no',
    'UsePAM=no'
  ]
  await alice.serve('ssh', `stdio:${[sshd, '-i', '-e', '-f', '/dev/null', ...asOptions(settings)].join(' ')}`)
  console.log(`alice is ${alice.peerId}`)

  const meshNode = fileURLToPath(import.meta.resolve('mesh-node/bin/mesh-node.js'))
  const options = [
    `ProxyCommand=${process.execPath} ${meshNode} nc %h ssh --state-dir ${inFolder('bob')}`,
    `UserKnownHostsFile=${inFolder('known')}`,
    'StrictHostKeyChecking=accept-new',
    'IdentitiesOnly=yes',
    'BatchMode=yes'
  ]
  const login = ['-F', '/dev/null', '-i', inFolder('user'), ...asOptions(options), `${userInfo().username}@alice`]
  const { stdout } = await run(ssh, [...login, 'echo "answered by $AGENT on $(uname)"'], { timeout: 30_000 })
  process.stdout.write(stdout)
} finally {
  await bob.close()
  await alice.close()
  await rm(folder, { recursive: true, force: true })
  // Somebody else may have come to need it.
  if (made !== undefined) await rmdir(made).catch(() => {})
}
