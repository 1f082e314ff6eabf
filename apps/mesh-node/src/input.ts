import { errorKinds, MeshError } from '@agent-mesh/wire/errors'
import { formatDuration, parseDuration } from '@agent-mesh/node/units'

const usage = (message: string): MeshError => new MeshError('USAGE', message, { hint: errorKinds.USAGE.remedy })

/** What was typed after a verb. Each reader throws USAGE, naming the option, where the text is not of its kind. */
export class Input {
  readonly #arguments: Array<string | undefined>
  readonly #options: Record<string, unknown>

  constructor(given: Array<string | undefined>, options: Record<string, unknown>) {
    this.#arguments = given
    this.#options = options
  }

  /** An argument that the command needs: the parser has refused its absence. */
  argument(index: number): string {
    return this.#arguments[index] ?? ''
  }

  optionalArgument(index: number): string | undefined {
    return this.#arguments[index]
  }

  /** @param name - in camel case, as `stateDir` of `--state-dir` */
  text(name: string): string | undefined {
    const value = this.#options[name]
    return typeof value === 'string' ? value : undefined
  }

  has(name: string): boolean {
    return this.#options[name] === true
  }

  /** The option was given as `--no-<name>`. */
  isOff(name: string): boolean {
    return this.#options[name] === false
  }

  list(name: string): string[] {
    const value = this.#options[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  count(name: string, least: number, most: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most))
      throw usage(`--${kebab(name)} is a whole number from ${least} to ${most}, not "${text}".`)
    return value
  }

  /** In milliseconds. */
  duration(name: string, leastMs: number, mostMs: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = parseDuration(text) ?? Number.NaN
    if (!(value >= leastMs && value <= mostMs)) {
      throw usage(
        `--${kebab(name)} is a duration with its unit (10s, 5m, 24h) from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}, not "${text}".`
      )
    }
    return value
  }
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
