import type { DetectorSettings } from './settings.ts'

/**
 * Accusations of one member that it refuted and that nobody else shared, by their author. After a few of them the author's
 * word about this member is idle for a while: it lies, or its link alone is bad. What it says of others still counts.
 */
export class FalseAlarms {
  readonly #settings: Pick<DetectorSettings, 'falseAlarms' | 'falseAlarmMs'>
  readonly #alarms = new Map<string, { count: number; lastMs: number }>()

  constructor(settings: Pick<DetectorSettings, 'falseAlarms' | 'falseAlarmMs'>) {
    this.#settings = settings
  }

  raisedBy(author: string, nowMs: number): void {
    for (const [one, { lastMs }] of this.#alarms) if (this.#isOver(lastMs, nowMs)) this.#alarms.delete(one)
    this.#alarms.set(author, { count: (this.#alarms.get(author)?.count ?? 0) + 1, lastMs: nowMs })
  }

  isIdle(author: string, nowMs: number): boolean {
    const alarms = this.#alarms.get(author)
    return alarms !== undefined && alarms.count >= this.#settings.falseAlarms && !this.#isOver(alarms.lastMs, nowMs)
  }

  #isOver(lastMs: number, nowMs: number): boolean {
    return nowMs - lastMs > this.#settings.falseAlarmMs
  }
}
