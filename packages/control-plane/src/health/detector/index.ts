/** The failure detector by itself: pure, without libp2p, so that a simulator runs thousands. */
export { createDetector, type DetectorInit } from './detector.ts'
export type * from './interface.ts'
export * from './settings.ts'
