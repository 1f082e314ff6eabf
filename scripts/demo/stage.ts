import { styleText } from 'node:util'

const dim = (text: string): string => styleText('dim', text)

/** A step of the demo that did not do what it should. */
class StepError extends Error {
  override readonly name = 'StepError'

  constructor(step: string, cause: unknown) {
    super(`step "${step}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Prints one indented line under the step that runs. */
export const say = (label: string, text: string): void => {
  process.stdout.write(`     ${dim(label.padEnd(10))} ${text}\n`)
}

let steps = 0

/** Runs one step under its title and prints how long it took. @throws StepError */
export const step = async <T>(title: string, run: () => Promise<T>): Promise<T> => {
  steps += 1
  process.stdout.write(`\n ${styleText('cyan', String(steps).padStart(2))}  ${styleText('bold', title)}\n`)
  const startedMs = performance.now()
  try {
    const result = await run()
    process.stdout.write(`     ${dim(`${((performance.now() - startedMs) / 1000).toFixed(2)} s`)}\n`)
    return result
  } catch (err) {
    throw new StepError(title, err)
  }
}

/** A peer id, short enough to read; the ends are what differs. */
export const short = (peerId: string): string => styleText('yellow', `${peerId.slice(0, 8)}…${peerId.slice(-6)}`)

export const name = (text: string): string => styleText('green', text)

export const code = (text: string): string => styleText('magenta', text)
