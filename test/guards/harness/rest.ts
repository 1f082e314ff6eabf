/** How long this process has to be at rest before it counts as that. */
const restMs = 3_000

/** Waits until this process uses less than a share of one processor, as when its nodes have met and only stay in touch. */
export const untilAtRest = async ({ share, withinMs }: { share: number; withinMs: number }): Promise<void> => {
  const endMs = performance.now() + withinMs
  for (;;) {
    const [before, startedMs] = [process.cpuUsage(), performance.now()]
    await new Promise((resolve) => setTimeout(resolve, restMs))
    const { user, system } = process.cpuUsage(before)
    const used = (user + system) / 1_000 / (performance.now() - startedMs)
    if (used < share) return
    if (performance.now() > endMs)
      throw new Error(`still at ${(100 * used).toFixed(0)} % of a processor after ${withinMs} ms`)
  }
}
