import { MeshError, printable } from '@agent-mesh/wire'
import type { Position } from './language.ts'

interface Problem {
  at: Position
  what: string
  suggestion?: string | undefined
}

/** Problems that one refusal names; the rest is counted. */
const mostTold = 100
const longestProblem = 400

/** Everything that is wrong with one file, so that its author mends it in one go. */
export class Problems {
  readonly #file: string
  readonly #found: Problem[] = []

  constructor(file: string) {
    this.#file = file
  }

  /**
   * @param what - a clause that goes on after the place, without a full stop
   * @param suggestion - a clause: `did you mean ops?`
   */
  add(at: Position, what: string, suggestion?: string): void {
    this.#found.push({ at, what, suggestion })
  }

  get isEmpty(): boolean {
    return this.#found.length === 0
  }

  /** @throws MeshError POLICY_INVALID, with all of them in its details, where there are any */
  throwIfAny(): void {
    const sorted = this.#found.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
    const [first] = sorted
    if (first === undefined) return
    const told = sorted.slice(0, mostTold).map((one) => this.#tell(one))
    const more = sorted.length - 1
    const counted = more === 0 ? '' : ` (and ${more} more)`
    throw new MeshError('POLICY_INVALID', `${told[0] ?? ''}${counted}.`, {
      ...(first.suggestion === undefined ? {} : { hint: sentence(first.suggestion) }),
      details: { file: this.#file, ...first.at, problems: told }
    })
  }

  #tell({ at, what, suggestion }: Problem): string {
    const text = suggestion === undefined ? what : `${what}; ${suggestion.replace(/\?$/, '')}`
    return printable(`${this.#file}:${at.line}:${at.column}: ${text}`, longestProblem)
  }
}

const sentence = (text: string): string => {
  const end = /[.?]$/.test(text) ? '' : '.'
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`
}
