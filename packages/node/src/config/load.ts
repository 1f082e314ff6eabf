import { isNode, LineCounter, parseDocument, type Document } from 'yaml'
import { MeshError, nearCapabilities } from '@agent-mesh/wire'
import type { Setting } from '@agent-mesh/wire/api'
import { readFileIfExists } from '@agent-mesh/identity'
import { configReference } from './reference.ts'
import { configSchema, type Config } from './schema.ts'
import type { z } from 'zod'

/** What the command line may set. */
export interface Flags {
  listen?: string[]
  announce?: string[]
  bootstrap?: string[]
  logLevel?: string
  directOnly?: boolean
  carrier?: string[]
}

export interface LoadedConfig {
  config: Config
  /** Where each value comes from. */
  settings: Setting[]
}

type Tree = Record<string, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (message: string, cause?: unknown): MeshError =>
  new MeshError('CONFIG_INVALID', /[.?]$/.test(message) ? message : `${message}.`, { cause })

const lineOf = (document: Document, counter: LineCounter, path: PropertyKey[]): string => {
  for (let depth = path.length; depth >= 0; depth--) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range != null) return `line ${counter.linePos(node.range[0]).line}`
  }
  return 'line 1'
}

/** Keys that the schema knows at a path, for "did you mean". */
const knownKeys = (path: PropertyKey[]): string[] => {
  const prefix = path.map((step) => (typeof step === 'number' ? '[]' : `.${String(step)}`)).join('')
  const inside = configReference().flatMap(({ key }) =>
    `.${key}`.startsWith(`${prefix}.`) ? [`.${key}`.slice(prefix.length + 1)] : []
  )
  return [...new Set(inside.flatMap((key) => key.split(/[.[]/)[0] ?? []))]
}

const describeIssue = (issue: z.core.$ZodIssue): { path: PropertyKey[]; text: string } => {
  if (issue.code !== 'unrecognized_keys')
    return { path: issue.path, text: `${issue.path.join('.') || 'the file'}: ${issue.message}` }
  const key = issue.keys[0] ?? ''
  const near = nearCapabilities(key, knownKeys(issue.path), 1)[0]
  const where = [...issue.path, key]
  return {
    path: where,
    text: `${where.join('.')} is no setting${near === undefined ? `; known here: ${knownKeys(issue.path).join(', ')}` : `; did you mean ${near}?`}`
  }
}

const parseFile = async (file: string): Promise<{ tree: Tree; lineOfPath: (path: PropertyKey[]) => string }> => {
  const content = await readFileIfExists(file)
  if (content === undefined) throw invalid(`${file} does not exist.`)
  const counter = new LineCounter()
  const document = parseDocument(Buffer.from(content).toString('utf8'), { lineCounter: counter })
  const [syntax] = document.errors
  if (syntax !== undefined)
    throw invalid(
      `${file}, line ${counter.linePos(syntax.pos[0]).line}: ${syntax.message.split('\n')[0] ?? 'it is no YAML'}`,
      syntax
    )
  const tree: unknown = document.toJS() ?? {}
  if (!isTree(tree)) throw invalid(`${file}, line 1: it is not a list of settings.`)
  return { tree, lineOfPath: (path) => lineOf(document, counter, path) }
}

const fromEnvironment = (env: NodeJS.ProcessEnv): Tree => ({
  ...(env['MESH_LISTEN'] === undefined ? {} : { listen: env['MESH_LISTEN'].split(',') }),
  ...(env['MESH_ANNOUNCE'] === undefined ? {} : { announce: env['MESH_ANNOUNCE'].split(',') }),
  ...(env['MESH_BOOTSTRAP'] === undefined ? {} : { bootstrap: env['MESH_BOOTSTRAP'].split(',') }),
  ...(env['MESH_CARRIER'] === undefined ? {} : { relay: { carriers: env['MESH_CARRIER'].split(',') } }),
  ...(env['MESH_LOG_LEVEL'] === undefined ? {} : { log: { level: env['MESH_LOG_LEVEL'] } })
})

const fromFlags = ({ logLevel, directOnly, carrier, ...rest }: Flags): Tree => ({
  ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
  ...(logLevel === undefined ? {} : { log: { level: logLevel } }),
  ...(carrier === undefined ? {} : { relay: { carriers: carrier } }),
  ...(directOnly === undefined ? {} : { paths: { direct_only: directOnly } })
})

const validate = (tree: Tree, source: string, lineOfPath?: (path: PropertyKey[]) => string): Config => {
  const result = configSchema.safeParse(tree)
  if (result.success) return result.data
  const [first] = result.error.issues
  if (first === undefined) throw invalid(`${source} does not validate.`)
  const { path, text } = describeIssue(first)
  const more = result.error.issues.length - 1
  throw invalid(
    `${source}${lineOfPath === undefined ? '' : `, ${lineOfPath(path)}`}: ${text}${more > 0 ? ` (and ${more} more)` : ''}`
  )
}

const leaves = (value: unknown, path: string): Array<[string, string]> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[path, JSON.stringify(value) ?? 'unset']]
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`))
}

const has = (tree: Tree, path: string): boolean => {
  let one: unknown = tree
  for (const step of path.split('.')) {
    if (!isTree(one) || !Object.hasOwn(one, step)) return false
    one = one[step]
  }
  return true
}

/**
 * Flags over environment over file over defaults.
 * @param file - an absolute path, or undefined for no file
 * @throws MeshError CONFIG_INVALID with file, line and suggestion; STATE_UNREADABLE
 */
export const loadConfig = async (options: {
  file?: string | undefined
  env: NodeJS.ProcessEnv
  flags: Flags
}): Promise<LoadedConfig> => {
  const file = options.file === undefined ? undefined : await parseFile(options.file)
  const environment = fromEnvironment(options.env)
  const flags = fromFlags(options.flags)
  if (file !== undefined) validate(file.tree, options.file ?? '', file.lineOfPath)
  validate(environment, 'the environment (MESH_*)')
  validate(flags, 'the command line')
  const section = (key: string): Tree => {
    const all: Tree = Object.assign({}, ...[file?.tree, environment, flags].map((tree) => tree?.[key]).filter(isTree))
    return Object.keys(all).length > 0 ? { [key]: all } : {}
  }
  const merged = {
    ...file?.tree,
    ...environment,
    ...flags,
    ...section('log'),
    ...section('paths'),
    ...section('relay')
  }
  const config = validate(merged, 'the configuration')
  const sourceOf = (path: string): Setting['source'] =>
    has(flags, path)
      ? 'flag'
      : has(environment, path)
        ? 'environment'
        : file !== undefined && has(file.tree, path)
          ? 'file'
          : 'default'
  return { config, settings: leaves(config, '').map(([key, value]) => ({ key, value, source: sourceOf(key) })) }
}
