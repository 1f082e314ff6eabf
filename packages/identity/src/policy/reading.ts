import { parseCapability, parseName, quote } from '@agent-mesh/wire'
import { everyService, type SubjectWord } from './language.ts'
import { readSubjectWord, readWith } from './subject-word.ts'
import type { Node } from 'yaml'
import type { Problems } from './problems.ts'
import type { Text, YamlSource } from './yaml-source.ts'

/** What the readers of the parts of one file share. */
export interface Reading {
  yaml: YamlSource
  problems: Problems
  fileGroups: ReadonlySet<string>
}

const withoutRepeats = <T>(items: readonly T[], keyOf: (item: T) => string): T[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values()
]

/** A list of subjects, each there once. */
export const readSubjects = ({ yaml, problems, fileGroups }: Reading, node: Node | undefined): SubjectWord[] => {
  const words = yaml
    .texts(node, 'a peer id, name or group')
    .flatMap((text) => readSubjectWord(text, fileGroups, problems) ?? [])
  return withoutRepeats(words, ({ kind, value }) => `${kind}:${value}`)
}

const readService = (text: Text, problems: Problems): string | undefined => {
  if (text.value === everyService) return everyService
  if (text.value.includes('*')) {
    problems.add(text.at, `${quote(text.value)} is no service name`, "write exact names, or '*' for all")
    return undefined
  }
  return readWith((value) => parseName(value, 'service'), text, problems)
}

/** Names of services, each once. */
export const readServices = ({ yaml, problems }: Reading, node: Node | undefined): string[] => [
  ...new Set(yaml.texts(node, 'the name of a service').flatMap((text) => readService(text, problems) ?? []))
]

/** Capability paths, each once. */
export const readCapabilities = ({ yaml, problems }: Reading, node: Node | undefined): string[] => [
  ...new Set(yaml.texts(node, 'a capability').flatMap((text) => readWith(parseCapability, text, problems) ?? []))
]
