const flag = '--max-semi-space-size'

/**
 * MiB of each half of the young generation. Node's own choice is 32 and fills up before anything is collected, with buffers
 * that long left the caches of the processor; see docs/decisions/0039-a-small-young-generation.md.
 */
const size = 4

/** What decides on the arguments that a process is started anew with. */
export interface Start {
  /** As in `process`. */
  argv: readonly string[]
  execArgv: readonly string[]
  nodeOptions: string
}

/**
 * The size cannot be changed in a process that runs. @returns the arguments, after the program's name, that start a node
 * with a small young generation; undefined where this is no node, or somebody has chosen a size
 */
export const smallArguments = ({ argv, execArgv, nodeOptions }: Start): string[] | undefined => {
  const words = argv.slice(2)
  const isNode = words.includes('up') && !words.includes('--help') && !words.includes('-h')
  // V8 takes underscores for hyphens
  const isChosen = [...execArgv, nodeOptions].some((text) => text.replaceAll('_', '-').includes(flag))
  return isNode && !isChosen ? [...execArgv, `${flag}=${size}`, ...argv.slice(1)] : undefined
}

/**
 * Puts the node in the place of this process, under the same process id, where the system can do that. Returns where it
 * cannot: then the node runs with what memory Node takes.
 */
export const startSmall = (): void => {
  const { argv, execArgv, env, execPath, platform } = process
  const args = smallArguments({ argv, execArgv, nodeOptions: env['NODE_OPTIONS'] ?? '' })
  // a channel to a parent would not survive
  if (args === undefined || platform === 'win32' || process.connected || process.execve === undefined) return
  try {
    process.execve(execPath, [argv[0] ?? execPath, ...args], env)
  } catch {
    // Where Node may not do that, as under its permission model, there is a node all the same.
  }
}
