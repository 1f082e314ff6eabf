import { join } from 'node:path'
import { makeScratchDir } from './cleanup.ts'
import { run } from './command.ts'
import { findProgram } from './program.ts'

/** Whatever it would do of its own accord is switched off, and names that nobody gave it are not looked up. */
const quiet = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-client-side-phishing-detection',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-extensions',
  '--disable-features=MediaRouter,OptimizationHints,Translate',
  '--disable-sync',
  '--metrics-recording-only',
  '--no-default-browser-check',
  '--no-first-run',
  '--no-pings',
  '--password-store=basic'
]

export interface ChromiumOptions {
  /** Address of an automatic proxy configuration. */
  pac: string
  /** Names that lead to this machine without a proxy. */
  local?: readonly string[]
}

/** Loads a page in Chromium. @returns its document when all of it is loaded */
export const loadPage = async (url: string, { pac, local = [] }: ChromiumOptions): Promise<string> => {
  const home = await makeScratchDir('chromium')
  const rules = [...local.map((host) => `MAP ${host} 127.0.0.1`), 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'].join(', ')
  const { code, stdout, stderr } = await run(
    findProgram('chromium') ?? 'chromium',
    [
      ...quiet,
      `--user-data-dir=${join(home, 'profile')}`,
      `--host-resolver-rules=${rules}`,
      `--proxy-pac-url=${pac}`,
      '--dump-dom',
      url
    ],
    {
      env: { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_CACHE_HOME: join(home, 'cache') },
      timeoutMs: 60_000
    }
  )
  if (code !== 0) throw new Error(`chromium ended with ${code}\n${stderr}`)
  return stdout
}
