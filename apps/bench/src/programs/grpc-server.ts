import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { unary } from '../unary.ts'

const [host = '', port] = process.argv.slice(2)
const server = new Server()
server.addService(unary, {
  say: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, call.request)
})
server.bindAsync(`${host.includes(':') ? `[${host}]` : host}:${port}`, ServerCredentials.createInsecure(), (err) => {
  if (err !== null) throw err
})
