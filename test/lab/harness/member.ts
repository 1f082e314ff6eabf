import { once } from 'node:events'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { z } from 'zod'
import { issueCertificate, loadKey, loadOrCreateKey } from '@agent-mesh/identity'
import { createNetwork, openStateDir, saveMembership, stateFiles } from '@agent-mesh/node'
import { createClient, type Client } from '@agent-mesh/client'
import type { PeerDocument } from '@agent-mesh/wire/api'
import type { LabHost } from '@agent-mesh/testkit/lab'
import { meshNodeBin } from '../../e2e/harness/mesh-node-bin.ts'
import { rssBytes } from '../../e2e/harness/proc.ts'
import { EchoService } from './echo-service.ts'

const runFile = promisify(execFile)
const readyMs = 60_000
const readyEvent = z.object({
  event: z.literal('ready'),
  peerId: z.string(),
  addresses: z.array(z.string()),
  api: z.string()
})
/** Neighbours on the bridge that plays the internet would find each other by multicast, as on no internet. */
const usualSettings = 'mdns: false\n'

export interface MemberOptions {
  /** Members that it starts from. */
  bootstrap?: readonly Member[]
  /** Lines of `mesh.yaml`, in the place of those that switch mDNS off. */
  settings?: string
}

/** Kills what is left of the processes of a scenario that was cut short. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** One `mesh-node up` on a host of a lab, which offers the service `echo`. */
export class Member {
  readonly name: string
  readonly host: LabHost
  readonly log: string[] = []
  readonly echo: EchoService
  readonly #stateDir: string
  readonly #args: string[]
  #child: ChildProcess | undefined
  #ready: z.infer<typeof readyEvent> | undefined

  constructor(name: string, host: LabHost, stateDir: string, args: string[], echo: EchoService) {
    this.name = name
    this.host = host
    this.echo = echo
    this.#stateDir = stateDir
    this.#args = args
  }

  get #live(): z.infer<typeof readyEvent> {
    if (this.#ready === undefined) throw new Error(`${this.name} was never started.`)
    return this.#ready
  }

  get peerId(): string {
    return this.#live.peerId
  }

  get client(): Client {
    return createClient({ socketPath: this.#live.api })
  }

  /** Where others find it first. */
  get publicAddresses(): string[] {
    return this.#live.addresses.filter((address) => address.startsWith('/ip4/5.'))
  }

  /** Memory of its process that is in use and not on disk. */
  get rssBytes(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.name} was never started.`)
    return rssBytes(pid)
  }

  /** Starts it, or starts it again after it was killed. */
  async start(): Promise<void> {
    const command = [meshNodeBin, 'up', '--json', '--listen', '/ip4/0.0.0.0/tcp/4001', ...this.#args]
    const child = spawn(...this.host.command(process.execPath, ...command), {
      env: {
        PATH: process.env['PATH'],
        HOME: this.#stateDir,
        NO_COLOR: '1',
        MESH_STATE_DIR: this.#stateDir,
        MESH_LOG_LEVEL: process.env['MESH_TEST_LOG'] ?? 'info'
      },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    const { promise, resolve, reject } = Promise.withResolvers<z.infer<typeof readyEvent>>()
    const fail = (): void => reject(new Error(`${this.name} did not start.\n${this.log.slice(-20).join('\n')}`))
    const timer = setTimeout(fail, readyMs)
    child.once('exit', fail)
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        this.log.push(line)
        const event = readyEvent.safeParse(line.startsWith('{"event":"ready"') ? JSON.parse(line) : undefined)
        if (event.success) resolve(event.data)
      })
    try {
      this.#ready = await promise
    } finally {
      clearTimeout(timer)
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Ends it without a word to anybody. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Runs another program on its host, to its end. @throws Error where that fails */
  async run(program: string, ...args: string[]): Promise<void> {
    await runFile(...this.host.command(program, ...args))
  }

  /** What it knows of another one. */
  async peer(other: Member): Promise<PeerDocument | undefined> {
    return (await this.client.peers()).find(({ peerId }) => peerId === other.peerId)
  }

  /** How it reaches another one at this moment. */
  async path(other: Member): Promise<string> {
    const peer = await this.peer(other)
    return peer?.state === 'connected' ? (peer.path ?? 'none') : 'none'
  }
}

/** A network whose members are all certified by its root at once. */
export class Network {
  readonly members: Member[] = []
  readonly #folder: string
  readonly #root: Promise<NonNullable<Awaited<ReturnType<typeof loadKey>>>>

  /** @param folder - for the state of all members */
  constructor(folder: string) {
    this.#folder = folder
    this.#root = this.#create()
  }

  async #create(): Promise<NonNullable<Awaited<ReturnType<typeof loadKey>>>> {
    const directory = await openStateDir(await this.#directory('root'))
    await createNetwork(directory, { name: 'root' })
    const key = await loadKey(stateFiles(directory.path).rootKey)
    if (key === undefined) throw new Error('The network has no root key.')
    return key
  }

  async #directory(name: string): Promise<string> {
    const path = join(this.#folder, name)
    await mkdir(path, { mode: 0o700 })
    return path
  }

  /** Starts one more member. */
  async up(name: string, host: LabHost, { bootstrap = [], settings }: MemberOptions = {}): Promise<Member> {
    const root = await this.#root
    const directory = await openStateDir(await this.#directory(name))
    const files = stateFiles(directory.path)
    const peerId = peerIdFromPrivateKey(await loadOrCreateKey(files.identityKey))
    const request = { networkKey: root.publicKey, peerId, name, notBeforeMs: Date.now() }
    await saveMembership(files, root.publicKey, [await issueCertificate(request, root)])
    const config = join(directory.path, 'mesh.yaml')
    await writeFile(config, settings ?? usualSettings)
    const echo = await EchoService.listen(name, join(this.#folder, `${name}.sock`))
    const first = bootstrap.flatMap(({ publicAddresses }) => publicAddresses)
    const args = ['--config', config, ...first.flatMap((address) => ['--bootstrap', address])]
    const member = new Member(name, host, directory.path, args, echo)
    this.members.push(member)
    await member.start()
    await member.client.serve('echo', { address: echo.address, capabilities: [] })
    return member
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.kill()))
    for (const { echo } of this.members) echo.close()
  }
}
