import { fromWireCode, MeshError, toWireCode, TunnelAnswer, type Metadata } from '@agent-mesh/wire'

const longestReason = 300

/** The answer that lets frames through. */
export const acceptance = (metadata: Metadata[] = []): Uint8Array =>
  TunnelAnswer.encode({ code: 0, reason: '', metadata })

/** The answer that says why not: the code and one sentence. */
export const refusal = (error: MeshError): Uint8Array =>
  TunnelAnswer.encode({ code: toWireCode(error.code), reason: error.message.slice(0, longestReason), metadata: [] })

/** The error that a refusing answer stands for, its reason bounded and without control characters; undefined where it accepts. */
export const errorOfAnswer = (answer: TunnelAnswer): MeshError | undefined => {
  if (answer.code === 0) return undefined
  const reason = answer.reason
    .slice(0, longestReason)
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
  const code = fromWireCode(answer.code)
  return reason === '' ? new MeshError(code) : new MeshError(code, reason)
}
