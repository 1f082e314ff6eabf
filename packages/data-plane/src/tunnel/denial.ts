import { MeshError } from '@agent-mesh/wire'
import type { Verdict } from '../interfaces.ts'

/** The rule and the layer of a denial, where an error stands for one. */
export interface Denial {
  layer?: string
  rule?: string
}

/** A denial as an error: for a member with its layer and rule, for a stranger with the code alone. */
export const denialError = (verdict: Verdict & { allowed: false }, service: string): MeshError => {
  const { code, rule, layer, isStranger } = verdict
  const why = layer === undefined ? rule : `${layer}: ${rule}`
  return new MeshError(code, `Service "${service}" is not open to this caller (${why}).`, {
    details: { rule, ...(layer === undefined ? {} : { layer }), ...(isStranger === true ? { isStranger } : {}) }
  })
}

/** What an error says of the rule that denied. */
export const denialOf = ({ details: { layer, rule } }: MeshError): Denial => ({
  ...(typeof layer === 'string' ? { layer } : {}),
  ...(typeof rule === 'string' ? { rule } : {})
})
