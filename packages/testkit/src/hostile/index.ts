/** Malformed, smuggling and spoofing requests, as bytes. */
export * from './proxy-requests.ts'
export * from './service-requests.ts'
