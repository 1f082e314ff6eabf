import { createServer } from 'node:http'

const [host, port] = process.argv.slice(2)

createServer((_request, response) => response.end('hello from the far side\n')).listen(Number(port), host, 1_024)
