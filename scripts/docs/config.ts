import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { configReference } from '../../packages/node/dist/config/reference.js'

/** `docs/reference/config.md`, from the schema of the configuration. */
export const renderConfig = (): string => {
  const rows = configReference().map(({ key, description, default: value }) => [
    `\`${key}\``,
    value === '' ? '' : `\`${value}\``,
    description
  ])
  return [
    '# Configuration',
    '',
    'Written by `npm run docs` from the schema itself; a test compares both. [mesh.yaml](mesh.yaml) is a commented example.',
    '',
    'One YAML file, given with `mesh-node up --config <file>`; all of it is optional. Flags beat `MESH_*` variables, those beat',
    'the file, and the file beats the defaults. An unknown key, a wrong type or a duration without its unit is refused with',
    'line, key and suggestion. `mesh-node status` says where each value comes from.',
    '',
    ...markdownTable(['Setting', 'Default', 'Meaning'], rows),
    ''
  ].join('\n')
}
