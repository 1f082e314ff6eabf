import { execFileSync } from 'node:child_process'

/** `ip` with a line of words. @throws Error with what it printed */
export const ip = (line: string): string =>
  execFileSync('ip', line.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** `ip` where it does not matter whether there is anything to act on. */
export const tryIp = (line: string): string | undefined => {
  try {
    return ip(line)
  } catch {
    return undefined
  }
}
