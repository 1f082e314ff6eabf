import { join } from 'node:path'

/** The command: what was built here, or what `MESH_TEST_NODE` names: a package that was installed has to pass the same tests. */
export const meshNodeBin =
  process.env['MESH_TEST_NODE'] ?? join(import.meta.dirname, '../../../apps/mesh-node/bin/mesh-node.js')
