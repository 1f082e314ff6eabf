import { execFileSync } from 'node:child_process'

export const run = (command: string, args: readonly string[], input = ''): string =>
  execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] })

/** `ip` with a line of words. @throws Error with what it printed */
export const ip = (line: string): string => run('ip', line.split(' '))

/** `ip` where it does not matter whether there is anything to act on. */
export const tryIp = (line: string): string | undefined => {
  try {
    return ip(line)
  } catch {
    return undefined
  }
}
