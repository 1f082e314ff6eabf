import { inertJson, inertLines, printable } from '@agent-mesh/wire/quote'
import type { MeshError } from '@agent-mesh/wire/errors'

/** Longest message of an error; it may come from a peer. */
const messageLength = 2_000

/** An error as it goes to stderr: for people three lines, under `--json` one document. */
export const formatError = (err: MeshError, isJson: boolean): string => {
  const { code, layer, message, hint, details } = err
  if (isJson) return inertJson(JSON.stringify({ error: { code, layer, message, hint, details } }))
  const lines = [
    `mesh-node: ${printable(message, messageLength)}`,
    `  layer: ${layer} (${code})`,
    `  next: ${printable(hint, messageLength)}`
  ]
  // Only a defect has a stack that tells its reader anything.
  const stack =
    code === 'INTERNAL' ? (err.cause instanceof Error ? err.cause : err).stack?.split('\n').slice(1) : undefined
  return [...lines, ...(stack ?? []).map(inertLines)].join('\n')
}
