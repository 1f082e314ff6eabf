import { join } from 'node:path'
import { makeScratchDir } from '../../e2e/harness/cleanup.ts'
import { run, type RunResult } from '../../e2e/harness/command.ts'
import { findProgram } from '../../e2e/harness/program.ts'

const module = join(import.meta.dirname, '../go')

/** A first build compiles all of go-libp2p that is used. */
const buildTimeoutMs = 540_000

/** Where the installer of Go puts it, which is not on every path. */
const go = findProgram('go', '/usr/local/go/bin')

const runGo = async (...args: string[]): Promise<RunResult> =>
  run(go ?? 'go', args, {
    cwd: module,
    env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' },
    timeoutMs: buildTimeoutMs
  })

const withoutNetwork = /dial tcp|no such host|proxyconnect|i\/o timeout|TLS handshake timeout|module lookup disabled/

/** Why nothing of Go can be built here; undefined where it can. @throws Error where the module is broken */
export const whyNoGo = async (): Promise<string | undefined> => {
  if (go === undefined) return 'go is not installed'
  const { code, stderr } = await runGo('list', '-deps', './...')
  if (code === 0) return undefined
  if (/requires go >= /.test(stderr)) return 'the installed go is too old'
  if (withoutNetwork.test(stderr)) return 'modules of go are not to be had here'
  throw new Error(stderr)
}

/** Builds a program of `test/interop/go`. @returns its path */
export const buildGo = async (name: string): Promise<string> => {
  const path = join(await makeScratchDir('interop'), name)
  const { code, stderr } = await runGo('build', '-trimpath', '-o', path, `./${name}`)
  if (code !== 0) throw new Error(`go build ./${name} ended with ${code}\n${stderr}`)
  return path
}
