import type { SeededRandom } from '../random.ts'

/** For each node its neighbours: a ring that holds everybody together, and random chords up to the degree. */
export const randomTopology = (nodes: number, degree: number, random: SeededRandom): number[][] => {
  const neighbours = Array.from({ length: nodes }, () => new Set<number>())
  const link = (one: number, other: number): void => {
    if (one === other) return
    neighbours[one]?.add(other)
    neighbours[other]?.add(one)
  }
  const ring = random.shuffle([...neighbours.keys()])
  for (const [at, node] of ring.entries()) link(node, ring[(at + 1) % nodes] ?? node)
  const wanted = Math.min(degree, nodes - 1)
  for (const [node, own] of neighbours.entries()) {
    for (let tries = 0; own.size < wanted && tries < 20 * wanted; tries++) {
      const other = random.integer(0, nodes)
      if ((neighbours[other]?.size ?? wanted) < wanted + (tries < 10 * wanted ? 0 : 2)) link(node, other)
    }
  }
  return neighbours.map((own) => [...own])
}
