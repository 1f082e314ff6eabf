import { isErrorCode, MeshError } from '@agent-mesh/wire/errors'

type Details = NonNullable<ConstructorParameters<typeof MeshError>[2]>['details']

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isDetail = (value: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof value) ||
  (Array.isArray(value) && value.every((one) => typeof one === 'string'))

const isDetails = (value: unknown): value is NonNullable<Details> =>
  isObject(value) && Object.values(value).every(isDetail)

/**
 * The error of a problem document. Read by hand: an error has to come through whatever else is wrong, and a code of a
 * newer node is still told in words.
 */
export const readProblem = (value: unknown, status: number): MeshError => {
  if (!isObject(value) || typeof value['code'] !== 'string' || typeof value['detail'] !== 'string') {
    return new MeshError('API_UNREADABLE', `The node answered with status ${status} and no reason.`)
  }
  const { code, detail, hint, details } = value
  const options = { ...(typeof hint === 'string' ? { hint } : {}), ...(isDetails(details) ? { details } : {}) }
  return isErrorCode(code)
    ? new MeshError(code, detail, options)
    : new MeshError('API_UNREADABLE', `The node reports ${code}: ${detail}`, options)
}
