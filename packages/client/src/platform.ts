import { FormData as UndiciFormData, type RequestInit as UndiciInit } from 'undici'

type Input = Parameters<typeof globalThis.fetch>[0]

/** The undici inside of Node and the installed one have the same fields; their types say so in other words. */
const isInit = (init: object): init is UndiciInit => init !== null

/** A form of the platform is foreign to the installed undici, which would take it for text. */
const toBody = (body: unknown): unknown => {
  if (!(body instanceof globalThis.FormData)) return body
  const form = new UndiciFormData()
  for (const [name, value] of body) {
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, value, value.name)
  }
  return form
}

const ofRequest = ({ url, method, headers, body, signal, redirect }: Request): { url: string; init: RequestInit } => ({
  url,
  init: { method, headers, signal, redirect, ...(body === null ? {} : { body, duplex: 'half' }) }
})

/** What was handed to `fetch`, in the terms of the installed undici. */
export const toUndici = (input: Input, given: RequestInit = {}): { url: string; init: UndiciInit } => {
  const { url, init } =
    input instanceof globalThis.Request ? ofRequest(input) : { url: String(input), init: {} as RequestInit }
  const merged = { ...init, ...given }
  const { headers, body, ...rest } = merged
  const translated = {
    ...rest,
    ...(headers === undefined ? {} : { headers: [...new Headers(headers)] }),
    ...(body === undefined ? {} : { body: toBody(body) })
  }
  return { url, init: isInit(translated) ? translated : {} }
}

/** The answer of the installed undici, which does all that one of the platform does. */
export const isResponse = (answer: object): answer is Response => 'headers' in answer
