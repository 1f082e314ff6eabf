/**
 * An ordinary gRPC server that knows nothing of the mesh: it cuts a text into tokens by the rules of its language and
 * streams them. Prints its port when it listens.
 */
import { Server, ServerCredentials, type handleServerStreamingCall } from '@grpc/grpc-js'
import { tokenizerService, type Text, type Token } from './tokenizer.ts'

const agent = process.env['AGENT_NAME'] ?? 'tokenizer'

const tokenize: handleServerStreamingCall<Text, Token> = (call) => {
  const { text, language } = call.request
  const segmenter = new Intl.Segmenter(language === '' ? 'en' : language, { granularity: 'word' })
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    if (segment.trim() !== '') call.write({ text: segment, offset: index, is_word: isWordLike === true, agent })
  }
  call.end()
}

const server = new Server()
server.addService(tokenizerService().service, { Tokenize: tokenize })
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) => {
  if (err === null) process.stdout.write(`${port}\n`)
  else {
    process.stderr.write(`${err.message}\n`)
    process.exitCode = 1
  }
})
