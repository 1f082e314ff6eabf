import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml'
import { quote } from '@agent-mesh/wire'
import { didYouMean } from './nearest.ts'
import type { Position } from './language.ts'
import type { Problems } from './problems.ts'

/** A string of the file and where it stands. */
export interface Text {
  value: string
  at: Position
  range: readonly [number, number]
}

/** A map whose keys are known; what it holds has not been looked at. */
export interface Fields {
  at: Position
  get: (key: string) => Node | undefined
}

const noPosition: Position = { line: 1, column: 1 }

const explain = (code: string, message: string): [string, string?] => {
  if (code === 'BAD_ALIAS') return ['* alone is an alias to YAML', "write '*' with its quotation marks"]
  if (code === 'MULTIPLE_DOCS') return ['a policy is one document, and --- begins a second one']
  if (code === 'RESOURCE_EXHAUSTION') return ['it is nested too deeply']
  return [`it is no YAML: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`]
}

/**
 * Reads strings, lists and maps out of YAML with their places, and reports whatever is none of these. Every scalar is
 * a string: a member may be called `007` or `no`. Anchors, aliases and tags are refused: there is nothing to expand.
 */
export class YamlSource {
  readonly root: Node | undefined
  readonly #problems: Problems
  readonly #lines = new LineCounter()

  constructor(source: string, problems: Problems) {
    this.#problems = problems
    // Their own look for equal keys compares each with each: seconds for a file of the largest size.
    const options = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, lineCounter: this.#lines } as const
    const { contents, errors, warnings } = parseDocument(source, options)
    for (const { code, message, pos } of [...errors, ...warnings].slice(0, 100)) {
      problems.add(this.#at(pos[0]), ...explain(code, message))
    }
    this.root = contents ?? undefined
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  at(node: Node | undefined): Position {
    return node?.range == null ? noPosition : this.#at(node.range[0])
  }

  #isPlain(node: Node): boolean {
    if (isAlias(node)) {
      const isStar = node.source === ''
      // An empty alias is an error of the syntax, and told as that.
      if (!isStar) this.#problems.add(this.at(node), 'a policy has no aliases', 'write the list out, or name a group')
      return false
    }
    if (node.tag !== undefined || ('anchor' in node && node.anchor !== undefined)) {
      this.#problems.add(this.at(node), 'a policy has no anchors and no tags', 'write the value alone')
      return false
    }
    return true
  }

  /** @param what - noun of what should be there: `the name of a group` */
  text(node: Node | undefined, what: string): Text | undefined {
    if (node === undefined || !this.#isPlain(node)) return undefined
    if (!isScalar(node) || typeof node.value !== 'string' || node.value === '') {
      this.#problems.add(this.at(node), `${what} should stand here`)
      return undefined
    }
    const [from, to] = node.range ?? [0, 0]
    return { value: node.value, at: this.at(node), range: [from, to] }
  }

  /** One string, or a list of them. */
  texts(node: Node | undefined, what: string): Text[] {
    if (node === undefined) return []
    if (isSeq(node)) return this.items(node, what).flatMap((item) => this.text(item, what) ?? [])
    const one = this.text(node, `${what}, or a list of them,`)
    return one === undefined ? [] : [one]
  }

  items(node: Node | undefined, what: string): Node[] {
    if (node === undefined || !this.#isPlain(node)) return []
    if (!isSeq(node)) {
      this.#problems.add(this.at(node), `a list of ${what} should stand here`, 'begin each with a hyphen')
      return []
    }
    return node.items.filter((item) => isNode(item))
  }

  /** Key and value of each entry of a map; keys are strings, each there once. */
  entries(node: Node | undefined, what: string): Array<{ key: Text; value: Node | undefined }> {
    if (node === undefined || !this.#isPlain(node)) return []
    if (!isMap(node)) {
      this.#problems.add(this.at(node), `${what} should stand here`, 'write key: value')
      return []
    }
    const seen = new Map<string, Position>()
    return node.items.flatMap((pair) => {
      const key = this.text(isNode(pair.key) ? pair.key : undefined, 'a key')
      if (key === undefined) return []
      const earlier = seen.get(key.value)
      if (earlier !== undefined) {
        this.#problems.add(key.at, `${quote(key.value)} stands on line ${earlier.line} already`, 'join the two')
        return []
      }
      seen.set(key.value, key.at)
      const value = isNode(pair.value) ? pair.value : undefined
      // `key:` with nothing behind it
      const isEmpty = isScalar(value) && value.value === '' && value.type === 'PLAIN'
      return [{ key, value: isEmpty ? undefined : value }]
    })
  }

  /** A map of known keys. */
  fields(node: Node | undefined, what: string, known: readonly string[]): Fields | undefined {
    if (node === undefined || !isMap(node)) {
      this.entries(node, what)
      return undefined
    }
    const found = new Map<string, Node>()
    for (const { key, value } of this.entries(node, what)) {
      if (!known.includes(key.value)) {
        const suggestion = didYouMean(key.value, known) ?? `known here: ${known.join(', ')}`
        this.#problems.add(key.at, `${quote(key.value)} is no key of ${what}`, suggestion)
      } else if (value === undefined) {
        this.#problems.add(key.at, `${key.value} has no value`)
      } else {
        found.set(key.value, value)
      }
    }
    return { at: this.at(node), get: (key) => found.get(key) }
  }
}
