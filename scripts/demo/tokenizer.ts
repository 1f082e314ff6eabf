import { join } from 'node:path'
import {
  credentials,
  loadPackageDefinition,
  type ClientReadableStream,
  type ServiceClientConstructor
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface Text {
  text: string
  language: string
}

export interface Token {
  text: string
  offset: number
  is_word: boolean
  agent: string
}

interface TokenizerClient {
  Tokenize: (text: Text, options: { deadline: number }) => ClientReadableStream<Token>
  close: () => void
}

const isService = (value: unknown): value is ServiceClientConstructor =>
  typeof value === 'function' && 'service' in value
const isTokenizer = (client: object): client is TokenizerClient => 'Tokenize' in client

/** The service of `tokenizer.proto`. */
export const tokenizerService = (): ServiceClientConstructor => {
  const { demo } = loadPackageDefinition(
    loadSync(join(import.meta.dirname, 'tokenizer.proto'), { keepCase: true, defaults: true })
  )
  const found: unknown = demo !== undefined && 'Tokenizer' in demo ? demo['Tokenizer'] : undefined
  if (!isService(found)) throw new Error('tokenizer.proto has no service demo.Tokenizer')
  return found
}

/** Calls a tokenizer at an address and collects its stream. @throws ServiceError of grpc-js */
export const tokenize = async (address: string, text: Text): Promise<Token[]> => {
  const Client = tokenizerService()
  const client: object = new Client(address, credentials.createInsecure())
  if (!isTokenizer(client)) throw new Error('the stub has no Tokenize')
  try {
    const tokens: Token[] = []
    for await (const token of client.Tokenize(text, { deadline: Date.now() + 10_000 })) tokens.push(token)
    return tokens
  } finally {
    client.close()
  }
}
