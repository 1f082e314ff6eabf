import { toMeshError } from '@agent-mesh/wire/errors'
import { commandsFor } from './commands/index.ts'
import { runCommandLine } from './program.ts'
import { formatError } from './report.ts'

const isBrokenPipe = (err: unknown): boolean => err instanceof Error && 'code' in err && err.code === 'EPIPE'

const typed = process.argv.slice(2)
const words =
  typed.length === 0
    ? ['--help']
    : typed[0] === '--version' || typed[0] === '-V'
      ? ['version', ...typed.slice(1)]
      : typed

// Whoever reads our output may leave early, as `head` does.
process.on('uncaughtException', (err) => {
  if (isBrokenPipe(err)) process.exit(process.exitCode ?? 0)
  fail(err)
  process.exit()
})

const fail = (err: unknown): void => {
  const error = toMeshError(err)
  const isJson = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length).includes('--json')
  process.stderr.write(`${formatError(error, isJson)}\n`)
  process.exitCode = error.exitCode
}

try {
  await runCommandLine(await commandsFor(words), words)
} catch (err) {
  fail(err)
}
