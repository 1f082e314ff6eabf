import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export type Nat = 'none' | 'full-cone' | 'port-restricted' | 'symmetric'

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const ip = (line: string): string => run('ip', ...line.split(' '))

/** Why there are no NATs to be had here; undefined where there are. */
export const whyNot = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  try {
    run('unshare', '--net', 'nft', 'list', 'ruleset')
    return undefined
  } catch {
    return 'nft and network namespaces are not to be had here'
  }
}

let made = 0

const inner = 'inner'
const outer = 'outer'

const masquerade = (how: string): string[] => [
  'add table ip nat',
  'add chain ip nat after { type nat hook postrouting priority 100; }',
  `add rule ip nat after oifname ${outer} masquerade ${how}`
]

/** As routers at home do: what nobody asked for is dropped without an answer. */
const drop: readonly string[] = [
  'add table ip filter',
  'add chain ip filter in { type filter hook input priority 0; }',
  `add rule ip filter in iifname ${outer} ct state new drop`
]

/** Rules of a router with one host behind it, which has the given address. */
const rules: Readonly<Record<Exclude<Nat, 'none'>, (host: string) => readonly string[]>> = {
  'full-cone': (host) => [
    ...masquerade(''),
    'add chain ip nat before { type nat hook prerouting priority -100; }',
    `add rule ip nat before iifname ${outer} tcp dport >= 1024 dnat to ${host}`
  ],
  'port-restricted': () => [...masquerade(''), ...drop],
  symmetric: () => [...masquerade('fully-random'), ...drop]
}

/** A host process in its namespace, which answers one line of JSON with another one. */
export interface NatHost {
  ask: (question: object) => Promise<Record<string, unknown>>
}

/** An internet of public hosts and of private ones behind routers of their own; everything goes when it is closed. */
export class Namespaces {
  readonly #prefix = `punch${process.pid}n${(made += 1)}`
  readonly #names: string[] = []
  readonly #processes: Array<ChildProcessByStdio<Writable, Readable, null>> = []
  #count = 0
  readonly #onExit = (): void => this.close()

  constructor() {
    process.once('exit', this.#onExit)
    this.#add('net')
    ip(`-n ${this.#name('net')} link add bridge type bridge`)
    ip(`-n ${this.#name('net')} link set bridge up`)
  }

  #name(short: string): string {
    return `${this.#prefix}-${short}`
  }

  #add(short: string): void {
    ip(`netns add ${this.#name(short)}`)
    this.#names.push(this.#name(short))
    ip(`-n ${this.#name(short)} link set lo up`)
  }

  /** A cable from a namespace to the bridge of the internet. */
  #plug(short: string, device: string, address: string): void {
    this.#count += 1
    const port = `port${this.#count}`
    ip(`-n ${this.#name('net')} link add ${port} type veth peer name ${device} netns ${this.#name(short)}`)
    ip(`-n ${this.#name('net')} link set ${port} master bridge up`)
    ip(`-n ${this.#name(short)} addr add ${address}/24 dev ${device}`)
    ip(`-n ${this.#name(short)} link set ${device} up`)
  }

  /** @returns the name of a namespace with a host that has the public address, or is behind a NAT that has it */
  addHost(short: string, address: string, nat: Nat = 'none'): string {
    this.#add(short)
    if (nat === 'none') {
      this.#plug(short, outer, address)
      return this.#name(short)
    }
    const router = `${short}-router`
    this.#add(router)
    this.#plug(router, outer, address)
    ip(`-n ${this.#name(router)} link add ${inner} type veth peer name ${outer} netns ${this.#name(short)}`)
    ip(`-n ${this.#name(router)} addr add 10.0.0.1/24 dev ${inner}`)
    ip(`-n ${this.#name(router)} link set ${inner} up`)
    ip(`-n ${this.#name(short)} addr add 10.0.0.2/24 dev ${outer}`)
    ip(`-n ${this.#name(short)} link set ${outer} up`)
    ip(`-n ${this.#name(short)} route add default via 10.0.0.1`)
    const inside = ['netns', 'exec', this.#name(router)]
    run('ip', ...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    execFileSync('ip', [...inside, 'nft', '-f', '-'], { input: rules[nat]('10.0.0.2').join('\n') })
    return this.#name(short)
  }

  /** Starts a program of Node in a namespace. */
  start(namespace: string, program: string, ...args: string[]): NatHost {
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, program, ...args], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    this.#processes.push(child)
    const waiting: Array<PromiseWithResolvers<Record<string, unknown>>> = []
    createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)))
    child.once('exit', (code) => {
      for (const one of waiting) one.reject(new Error(`A host ended with ${code}.`))
    })
    return {
      ask: async (question) => {
        const answer = Promise.withResolvers<Record<string, unknown>>()
        waiting.push(answer)
        child.stdin.write(`${JSON.stringify(question)}\n`)
        return answer.promise
      }
    }
  }

  close(): void {
    process.off('exit', this.#onExit)
    for (const child of this.#processes.splice(0)) child.kill('SIGKILL')
    for (const name of this.#names.splice(0)) {
      try {
        ip(`netns del ${name}`)
      } catch {
        // whatever made it go has done what was wanted
      }
    }
  }
}
