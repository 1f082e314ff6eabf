/** Place in the file, both counted from 1. */
export interface Position {
  line: number
  column: number
}

/**
 * Whom a word of the file means. `group` is one that the file defines, `certificateGroup` one that certificates name;
 * the file's own hides a certificate's of the same name. `either` is a bare word that the file does not define: a
 * member of that name, or everybody with that group in the certificate.
 */
export type SubjectKind = 'members' | 'peer' | 'name' | 'group' | 'certificateGroup' | 'either'

export interface SubjectWord {
  kind: SubjectKind
  /** Peer id (base58), name or group; empty for `members`. */
  value: string
  /** As written. */
  text: string
  at: Position
  /** Offsets in the source, quotation marks included. */
  range: readonly [number, number]
}

export interface ParsedGroup {
  name: string
  at: Position
  members: readonly SubjectWord[]
}

export interface ParsedGrant {
  /** From 1, in the order of the file. */
  number: number
  at: Position
  from: readonly SubjectWord[]
  to: readonly SubjectWord[]
  /** Names of services; {@link everyService} is all of them. */
  services: readonly string[]
  capabilities: readonly string[]
  /** The grant holds before it. Absent: for good. */
  untilMs?: number
}

/** Who calls or is called in a test: a word, or what a certificate would say. */
export interface TestSubject {
  word?: SubjectWord
  peer?: string
  name?: string
  groups: readonly string[]
  at: Position
}

export interface ParsedTest {
  at: Position
  from: TestSubject
  to: TestSubject
  service: string
  capabilities: readonly string[]
  expect: 'allow' | 'deny'
}

/** A policy whose shape is right. Whether it means anything is for `checkPolicy` to say. */
export interface ParsedPolicy {
  /** Name for messages. */
  file: string
  source: string
  groups: readonly ParsedGroup[]
  grants: readonly ParsedGrant[]
  tests: readonly ParsedTest[]
}

/** A member as a decision sees it. */
export interface Subject {
  /** base58 */
  peerId: string
  name: string
  /** Of the certificate. */
  groups: readonly string[]
}

/** Stands for all services in `services`. */
export const everyService = '*'

/** Version of the language that this code reads. */
export const policyLanguage = '1'

/** Keys of each part of the file, those that must be there first. */
export const policyKeys = {
  file: ['version', 'groups', 'grants', 'tests'],
  grant: ['from', 'to', 'services', 'capabilities', 'until'],
  test: ['from', 'to', 'service', 'capabilities', 'expect'],
  subject: ['name', 'groups', 'peer']
} as const
