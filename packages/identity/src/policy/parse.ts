import { limits, parseName, quote } from '@agent-mesh/wire'
import { cycleProblems } from './group-cycles.ts'
import { readInstant } from './instant.ts'
import { policyKeys, policyLanguage, type ParsedGrant, type ParsedGroup, type ParsedPolicy } from './language.ts'
import { Problems } from './problems.ts'
import { readCapabilities, readServices, readSubjects, type Reading } from './reading.ts'
import { keysOfWord, walkMemberships } from './subject-keys.ts'
import { readWith } from './subject-word.ts'
import { readTest } from './test-case.ts'
import { YamlSource, type Fields } from './yaml-source.ts'
import type { Node } from 'yaml'

const start = { line: 1, column: 1 }

const readUntil = ({ yaml, problems }: Reading, node: Node | undefined): number | undefined => {
  const text = yaml.text(node, 'a time')
  if (text === undefined) return undefined
  const instant = readInstant(text.value)
  if ('ms' in instant) return instant.ms
  problems.add(text.at, instant.wrong, instant.suggestion)
  return undefined
}

const readGrant = (reading: Reading, node: Node, number: number): ParsedGrant | undefined => {
  const { yaml, problems } = reading
  const fields = yaml.fields(node, 'a grant', policyKeys.grant)
  if (fields === undefined) return undefined
  for (const key of ['from', 'to'] as const) {
    if (fields.get(key) === undefined) {
      problems.add(fields.at, `grant ${number} has no ${key}`, 'write members for everybody')
    }
  }
  const untilMs = readUntil(reading, fields.get('until'))
  const grant: ParsedGrant = {
    number,
    at: fields.at,
    from: readSubjects(reading, fields.get('from')),
    to: readSubjects(reading, fields.get('to')),
    services: readServices(reading, fields.get('services')),
    capabilities: readCapabilities(reading, fields.get('capabilities')),
    ...(untilMs === undefined ? {} : { untilMs })
  }
  if (fields.get('services') === undefined && fields.get('capabilities') === undefined) {
    problems.add(
      fields.at,
      `grant ${number} names neither services nor capabilities`,
      "write services: '*' for all of them"
    )
  }
  return grant
}

const checkVersion = ({ yaml, problems }: Reading, node: Node | undefined): void => {
  const version = yaml.text(node, 'the version of the language')
  if (version !== undefined && version.value !== policyLanguage) {
    problems.add(
      version.at,
      `this version of mesh-node reads version ${policyLanguage} of the language, not ${quote(version.value)}`,
      'update mesh-node'
    )
  }
}

/** Names first: a grant may stand before the group that it names, and a group before its parts. */
const readGroups = (yaml: YamlSource, problems: Problems, node: Node | undefined) => {
  const entries = yaml.entries(node, 'groups')
  const named = entries.flatMap(({ key, value }) => {
    const name = readWith((text) => parseName(text, 'group'), key, problems)
    if (value === undefined) problems.add(key.at, `${quote(key.value)} has no members`, 'write [] for an empty group')
    return name === undefined ? [] : [{ name, at: key.at, value }]
  })
  if (named.length > limits.policyGroups) {
    problems.add(start, `it has ${named.length} groups, ${limits.policyGroups} are allowed`)
  }
  return named
}

const checkSize = (grants: readonly ParsedGrant[], problems: Problems): void => {
  let rules = 0
  for (const { from, to, services, capabilities, number, at } of grants) {
    rules += from.length * to.length * (services.length + capabilities.length)
    if (rules <= limits.policyRules) continue
    problems.add(
      at,
      `up to grant ${number} there are ${rules} combinations of from, to and service, ${limits.policyRules} are allowed`,
      'gather what stands in long lists in groups'
    )
    return
  }
}

/** Members of groups of groups count in each of them. */
const checkMemberships = (groups: readonly ParsedGroup[], problems: Problems): void => {
  let memberships = 0
  for (const [, above] of walkMemberships(groups, keysOfWord)) {
    memberships += above.length
    if (memberships <= limits.policyRules) continue
    problems.add(
      groups[0]?.at ?? start,
      `its groups have more than ${limits.policyRules} members, those of groups within groups counted in each`,
      'put the group into certificates: mesh-node invite --group'
    )
    return
  }
}

const itemsOf = (yaml: YamlSource, problems: Problems, node: Node | undefined, what: string, most: number): Node[] => {
  const items = yaml.items(node, what)
  if (items.length > most) problems.add(yaml.at(node), `it has ${items.length} ${what}, ${most} are allowed`)
  return items.slice(0, most)
}

const readFile = (source: string, problems: Problems): PolicyParts | undefined => {
  const yaml = new YamlSource(source, problems)
  problems.throwIfAny()
  const file: Fields | undefined = yaml.fields(yaml.root, 'a policy', policyKeys.file)
  if (file === undefined) {
    if (problems.isEmpty) problems.add(start, 'it is empty', 'write grants: [] to deny everything')
    return undefined
  }
  const named = readGroups(yaml, problems, file.get('groups'))
  const reading = { yaml, problems, fileGroups: new Set(named.map(({ name }) => name)) }
  checkVersion(reading, file.get('version'))
  if (file.get('grants') === undefined) {
    problems.add(file.at, 'it has no grants', 'write grants: [] to deny everything')
  }
  const groups = named.map(({ name, at, value }): ParsedGroup => ({ name, at, members: readSubjects(reading, value) }))
  const grants = itemsOf(yaml, problems, file.get('grants'), 'grants', limits.policyGrants).flatMap(
    (node, index) => readGrant(reading, node, index + 1) ?? []
  )
  const tests = itemsOf(yaml, problems, file.get('tests'), 'tests', limits.policyTests).flatMap(
    (node) => readTest(reading, node) ?? []
  )
  cycleProblems(groups, problems)
  checkSize(grants, problems)
  checkMemberships(groups, problems)
  return { groups, grants, tests }
}

type PolicyParts = Omit<ParsedPolicy, 'file' | 'source'>

/**
 * What was read last. The same file is read when it is checked, signed, accepted and started with: 20 to 80 ms each time
 * for 20 KiB. Nothing that was read is ever changed.
 */
let last: { source: string; parts: PolicyParts } | undefined

/**
 * Reads a policy: what is wrong with its shape is wrong for every node alike, whatever its clock and whoever it knows.
 * @param options.file - name for messages
 * @throws MeshError POLICY_INVALID with file, line, column and suggestion of the first problem, and all of them in
 * `details.problems`
 */
export const parsePolicy = (source: string, options: { file?: string } = {}): ParsedPolicy => {
  const { file = 'policy' } = options
  if (last?.source === source) return { file, source, ...last.parts }
  const problems = new Problems(file)
  const sizeBytes = Buffer.byteLength(source)
  if (sizeBytes > limits.policyBytes) {
    problems.add(start, `it has ${sizeBytes} bytes, ${limits.policyBytes} are allowed`)
    problems.throwIfAny()
  }
  const parts = readFile(source, problems) ?? { groups: [], grants: [], tests: [] }
  problems.throwIfAny()
  last = { source, parts }
  return { file, source, ...parts }
}
