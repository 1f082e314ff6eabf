import { parseArgs } from 'node:util'

/** What was asked for. */
export interface Options {
  names: string[]
  /** Undefined for all that are known. */
  contenders: string[] | undefined
  rounds: number
  /** Of each stream. */
  seconds: number
  isJson: boolean
  /** The measured takes the place of what was stored, unless it is noisy. */
  isStored: boolean
  /** Draws what is stored and measures nothing. */
  isDrawn: boolean
  isHelp: boolean
}

const positive = (text: string, flag: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} takes a whole number above 0, not "${text}".`)
  return value
}

const check = (asked: readonly string[], all: readonly string[], what: string): void => {
  const wrong = asked.find((one) => !all.includes(one))
  if (wrong !== undefined) throw new Error(`There is no ${what} "${wrong}"; there are ${all.join(', ')}.`)
}

/** @throws Error that says what is wrong, for people */
export const parseOptions = (args: readonly string[], known: { names: string[]; contenders: string[] }): Options => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      contenders: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      store: { type: 'boolean', default: false },
      draw: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const contenders = values.contenders?.split(',')
  check(positionals, known.names, 'workload')
  check(contenders ?? [], known.contenders, 'contender')
  return {
    names: positionals,
    contenders,
    rounds: positive(values.rounds, '--rounds'),
    seconds: positive(values.seconds, '--seconds'),
    isJson: values.json,
    isStored: values.store,
    isDrawn: values.draw,
    isHelp: values.help
  }
}
