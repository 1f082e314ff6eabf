/** Thousands of pure detectors and what passes between them, on a virtual clock: the same seed gives the same trace. */
export * from './event-queue.ts'
export * from './scenario.ts'
export * from './simulation.ts'
export * from './trace.ts'
