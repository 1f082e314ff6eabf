/** Named checks of a node, of its machine and of its place in the mesh, made from outside the running process. */
export * from './checks.ts'
export * from './facts.ts'
export { clockText, readClock, type ClockReading } from './clock.ts'
