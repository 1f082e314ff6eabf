/** One method, bytes in and the same bytes out: what a generated stub would call, without a schema. */
export const unary = {
  say: {
    path: '/bench.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: Buffer): Buffer => message,
    requestDeserialize: (bytes: Buffer): Buffer => bytes,
    responseSerialize: (message: Buffer): Buffer => message,
    responseDeserialize: (bytes: Buffer): Buffer => bytes
  }
} as const
