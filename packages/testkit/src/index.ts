/** For tests alone: hosts, networks, a clock and random numbers that can be repeated. */
export * from './host.ts'
export * from './mesh.ts'
export * from './network.ts'
export * from './partition.ts'
export * from './random.ts'
export * from './slow-wire.ts'
export * from './virtual-clock.ts'
export * from './traffic.ts'
