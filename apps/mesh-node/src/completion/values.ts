import type { Vocabulary } from '@agent-mesh/wire/api'

/** What a shell is told: words to choose from, or that a path belongs there, which it knows better. */
export type Answer = { is: 'words'; words: string[] } | { is: 'files' | 'directories' }

/** Nothing that a shell would act on: most of these words come from other members. */
const isPlain = (word: string): boolean => /^[\w%+=:,./@[\]-]{1,256}$/.test(word)

type Words = (vocabulary: Vocabulary) => string[]

const names: Words = ({ members }) => members.map(({ name }) => name)
const peerIds: Words = ({ members }) => members.map(({ peerId }) => peerId)
const members: Words = (known) => [...names(known), ...peerIds(known)]
const groups: Words = (known) => known.groups
const services: Words = (known) => known.services
const capabilities: Words = (known) => known.capabilities
const forwards: Words = (known) => known.forwards
const byCapability: Words = (known) => known.capabilities.map((path) => `cap:${path}`)
const withService: Words = (known) => [...known.targets, ...byCapability(known)]
const subjects: Words = (known) => ['members', ...names(known), ...known.groups.map((group) => `group:${group}`)]
const conditions: Words = (known) => [
  ...known.capabilities.map((path) => `capability:${path}`),
  ...names(known).map((name) => `peer:${name}`),
  ...known.targets.map((target) => `service:${target}`),
  'members:'
]

const fixed =
  (...words: string[]): Words =>
  () =>
    words

/** By the placeholder of an option or an argument. */
const placeholders: Record<string, Words | 'files' | 'directories'> = {
  '--state-dir <directory>': 'directories',
  '--config <file>': 'files',
  '--out <file>': 'files',
  '<file>': 'files',
  '--capability <path>': capabilities,
  '--service <name>': services,
  '--group <name>': groups,
  '--groups <names>': groups,
  '--allow <subject>': subjects,
  '--from <member>': members,
  '--peer <member>': members,
  '--remove <id>': forwards,
  '--for <condition>': conditions,
  '--kind <kind>': fixed('open', 'deny', 'close', 'admit', 'refuse', 'gone', 'revoke', 'policy'),
  '--sort <column>': fixed('state', 'name', 'rtt', 'loss', 'tunnels', 'traffic', 'load'),
  '-X <method>': fixed('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  '--method <method>': fixed('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  '--log-level <level>': fixed('silent', 'error', 'warn', 'info', 'debug', 'trace'),
  '[member]': members,
  '[target]': withService,
  '<shell>': fixed('bash', 'zsh', 'fish'),
  '<capability>': capabilities,
  '<query>': (known) => [...known.capabilities, ...members(known)],
  '<target>': (known) => [...members(known), ...withService(known)]
}

/** Where the same placeholder means something else. */
const ofCommand: Record<string, Words> = {
  'unserve <name>': services,
  'ping <target>': members,
  'dial <target>': (known) => [...members(known), ...byCapability(known)]
}

const isWords = (kind: Words | 'files' | 'directories' | undefined): kind is Words => typeof kind === 'function'

/** What a placeholder stands for. @param known - what the node knows; undefined where none runs */
export const valuesOf = (command: string, placeholder: string, known: Vocabulary | undefined): Answer => {
  const kind = ofCommand[`${command} ${placeholder}`] ?? placeholders[placeholder]
  if (!isWords(kind)) return kind === undefined ? { is: 'words', words: [] } : { is: kind }
  const empty = { members: [], groups: [], capabilities: [], services: [], targets: [], forwards: [] }
  return { is: 'words', words: kind(known ?? empty) }
}

/**
 * The words that go on with what was typed. A list with commas goes on with its last part, and peer ids come up only once
 * one was begun: a person types names.
 */
export const matching = (words: string[], typing: string): string[] => {
  const listed = typing.includes(',') ? typing.slice(0, typing.lastIndexOf(',') + 1) : ''
  const isBegunId = /^(?:12D3|Qm|k51)/.test(typing)
  return [...new Set(words)]
    .filter((word) => isBegunId || !/^12D3\w{40,}/.test(word))
    .map((word) => `${listed}${word}`)
    .filter((word) => word.startsWith(typing) && isPlain(word))
}
