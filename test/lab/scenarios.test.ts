import { describe, expect, test } from 'vitest'
import { isFull } from '../guards/harness/form.ts'
import { play, whyNotHere } from './harness/scene.ts'
import { scenarios } from './scenarios/index.ts'

/** The whole forms wait for whole outages; `npm run lab` prints what they see. */
const timeoutMs = isFull ? 900_000 : 240_000

for (const [name, scenario] of Object.entries(scenarios)) {
  const reason = whyNotHere(scenario)
  describe.skipIf(reason !== undefined)(`${name}${reason === undefined ? '' : ` [${reason}]`}`, () => {
    test(
      scenario.about,
      async () => {
        const rows = await play(scenario, isFull)
        console.log(rows.map(({ what, seen, bar }) => `${seen.padEnd(26)}  ${bar.padEnd(30)}  ${what}`).join('\n'))
        expect(rows.filter(({ isMet }) => !isMet)).toEqual([])
        expect(rows).not.toEqual([])
      },
      timeoutMs
    )
  })
}
