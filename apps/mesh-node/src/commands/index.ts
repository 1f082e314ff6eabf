import type { Command } from '../command.ts'

/** Verbs and the files that hold them. Only that of the verb in use is loaded: a short command starts in no time. */
const files: Record<string, () => Promise<Command[]>> = {
  network: async () => (await import('./network.ts')).network,
  invite: async () => [(await import('./invite.ts')).invite],
  cert: async () => (await import('./cert.ts')).cert,
  revoke: async () => [(await import('./revoke.ts')).revoke],
  join: async () => [(await import('./join.ts')).join],
  up: async () => [(await import('./up.ts')).up],
  down: async () => [(await import('./down.ts')).down],
  status: async () => [(await import('./status.ts')).status],
  serve: async () => [(await import('./serve.ts')).serve],
  unserve: async () => [(await import('./unserve.ts')).unserve],
  publish: async () => [(await import('./publish.ts')).publish],
  unpublish: async () => [(await import('./unpublish.ts')).unpublish],
  find: async () => [(await import('./find.ts')).find],
  peers: async () => [(await import('./peers.ts')).peers],
  wait: async () => [(await import('./wait.ts')).wait],
  top: async () => [(await import('./top.ts')).top],
  dial: async () => [(await import('./dial.ts')).dial],
  ping: async () => [(await import('./ping.ts')).ping],
  bench: async () => [(await import('./bench.ts')).bench],
  netcheck: async () => [(await import('./netcheck.ts')).netcheck],
  doctor: async () => [(await import('./doctor.ts')).doctor],
  forward: async () => [(await import('./forward.ts')).forward],
  proxy: async () => [(await import('./proxy.ts')).proxy],
  call: async () => [(await import('./call.ts')).call],
  nc: async () => [(await import('./nc.ts')).nc],
  policy: async () => (await import('./policy.ts')).policy,
  whois: async () => [(await import('./whois.ts')).whois],
  why: async () => [(await import('./why.ts')).why],
  audit: async () => (await import('./audit.ts')).audit,
  completion: async () => (await import('./completion.ts')).completion,
  __complete: async () => (await import('./completion.ts')).completion,
  version: async () => [(await import('./version.ts')).version]
}

/** First words of command lines. */
export const verbs: string[] = Object.keys(files).filter((verb) => !verb.startsWith('_'))

/** Every command, in the order of the help. */
export const allCommands = async (): Promise<Command[]> => {
  const loaded = await Promise.all(Object.values(files).map((load) => load()))
  return [...new Set(loaded.flat())]
}

/** The commands that a command line can mean: those of its first word, or all. */
export const commandsFor = async ([first = '']: string[]): Promise<Command[]> =>
  Object.hasOwn(files, first) ? ((await files[first]?.()) ?? []) : allCommands()
