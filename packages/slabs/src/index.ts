/**
 * Memory that sockets read into, and that is used again.
 *
 * A socket of Node allocates a buffer for each read. Those buffers lie outside of the heap, and it is their weight that
 * makes the engine collect garbage while a tunnel is busy. Here a socket reads into slabs instead, and whoever is done with
 * bytes of a slab says so:
 *
 * ```ts
 * readIntoSlabs(socket, (bytes) => socket.push(bytes))
 * socket.on('data', (bytes) => other.write(bytes, () => release(bytes)))
 * ```
 *
 * To release nothing is always safe: a slab that somebody may still look into is left to the garbage collector.
 */
export { borrow, isBorrower } from './borrowers.ts'
export { readIntoSlabs } from './read-into-slabs.ts'
export { own, release, type Slab } from './slab.ts'
export { SlabPool } from './slab-pool.ts'
export type { SlabReader } from './slab-reader.ts'
