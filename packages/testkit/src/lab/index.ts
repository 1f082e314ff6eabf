export { createLab, whyNoLab, type Lab, type LabHost } from './lab.ts'
export type { Nat } from './nat.ts'
export { sweep } from './registry.ts'
