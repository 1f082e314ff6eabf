import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { z } from 'zod'
import { errorKinds, type ErrorCode } from '@agent-mesh/wire/errors'
import { meshNode, type RunOptions, type RunResult } from './command.ts'

const document = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    layer: z.string(),
    message: z.string(),
    hint: z.string(),
    details: z.record(z.string(), z.unknown())
  })
})

/** One refusal, as people and as programs see it. */
export interface Refusal {
  message: string
  hint: string
}

const checkText = ({ code: exitCode, stdout, stderr }: RunResult, code: ErrorCode): Refusal => {
  const { exit, layer } = errorKinds[code]
  // Before it there may be log lines of a node that was on its way, as JSON, and one of what was being waited for.
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  const [message = '', second, next = ''] = said.slice(-3)
  expect({ exitCode, stdout, second }, stderr).toEqual({
    exitCode: exit,
    stdout: '',
    second: `  layer: ${layer} (${code})`
  })
  expect(
    said.filter((line) => line.startsWith('  layer: ')),
    stderr
  ).toHaveLength(1)
  expect(message).toMatch(/^mesh-node: \S/)
  expect(next).toMatch(/^ {2}next: \S/)
  return { message: message.slice('mesh-node: '.length), hint: next.slice('  next: '.length) }
}

const checkJson = ({ code: exitCode, stdout, stderr }: RunResult, code: ErrorCode): Refusal => {
  const { exit, layer } = errorKinds[code]
  expect({ exitCode, stdout }, stderr).toEqual({ exitCode: exit, stdout: '' })
  const { error } = document.parse(JSON.parse(stderr.trim().split('\n').at(-1) ?? ''))
  expect(error).toMatchObject({ code, layer })
  return { message: error.message, hint: error.hint }
}

/**
 * Runs what has to be refused: for people one message, its layer and what to do next, with the exit code of the error
 * and nothing on stdout.
 */
export const expectRefusal = async (args: readonly string[], code: ErrorCode, options: RunOptions): Promise<Refusal> =>
  checkText(await meshNode(args, options), code)

/** The same under `--json`, for programs. */
export const expectJsonRefusal = async (
  args: readonly string[],
  code: ErrorCode,
  options: RunOptions
): Promise<Refusal> => checkJson(await meshNode([...args, '--json'], options), code)

/** Names, modes and contents of every file of a state directory, in one hash; its lock counts who had it and is left out. */
export const fingerprint = (folder: string): string => {
  const hash = createHash('sha256')
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (/^lock\.\d+$/.test(path)) continue
    const { mode } = statSync(join(folder, path))
    const isFile = (mode & 0o170000) === 0o100000
    hash.update(`${path}\0${mode}\0`).update(isFile ? readFileSync(join(folder, path)) : '')
  }
  return hash.digest('hex')
}
