import { errorKinds, fromWireCode, MeshError, toWireCode, TunnelAnswer, type Metadata } from '@agent-mesh/wire'
import { denialOf } from './denial.ts'

const longestReason = 300
const longestLabel = 200

/** The answer that lets frames through. */
export const acceptance = (metadata: Metadata[] = []): Uint8Array =>
  TunnelAnswer.encode({ code: 0, reason: '', metadata })

/** The answer that says why not: the code and one sentence, and for a denial its layer and rule. */
export const refusal = (error: MeshError): Uint8Array => {
  const metadata = Object.entries(denialOf(error)).map(([key, text]) => ({
    key,
    value: new TextEncoder().encode(text.slice(0, longestLabel))
  }))
  return TunnelAnswer.encode({ code: toWireCode(error.code), reason: error.message.slice(0, longestReason), metadata })
}

/**
 * What the caller is told of an error: never where a service lives, nothing of a defect, and no reason at all where it
 * is a stranger.
 */
export const errorForCaller = (error: MeshError, service: string): MeshError => {
  const { code, details } = error
  if (details['isStranger'] === true) return new MeshError(code, '')
  switch (code) {
    case 'UPSTREAM_REFUSED':
      return new MeshError(code, `Service "${service}" does not accept connections.`)
    case 'UPSTREAM_TIMEOUT':
      return new MeshError(code, `Service "${service}" did not answer in time.`)
    case 'UPSTREAM_UNREACHABLE':
      return new MeshError(code, `Service "${service}" cannot be reached by its agent.`)
    case 'INTERNAL':
      return new MeshError(code, errorKinds.INTERNAL.meaning)
    default:
      return error
  }
}

const clean = (text: string, most: number): string =>
  text
    .slice(0, most)
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()

/** Text of a metadata entry; undefined where the answer has none. */
const labelOf = ({ metadata }: TunnelAnswer, key: string): string | undefined => {
  const value = metadata.find((one) => one.key === key)?.value
  return value === undefined ? undefined : clean(new TextDecoder().decode(value), longestLabel)
}

/** The error that a refusing answer stands for, its texts bounded and without control characters; undefined where it accepts. */
export const errorOfAnswer = (answer: TunnelAnswer): MeshError | undefined => {
  if (answer.code === 0) return undefined
  const code = fromWireCode(answer.code)
  const [layer, rule] = [labelOf(answer, 'layer'), labelOf(answer, 'rule')]
  const details = { ...(layer === undefined ? {} : { layer }), ...(rule === undefined ? {} : { rule }) }
  const reason = clean(answer.reason, longestReason)
  return new MeshError(code, reason === '' ? errorKinds[code].meaning : reason, { details })
}
