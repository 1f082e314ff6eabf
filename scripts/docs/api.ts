import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { openApiDocument } from '../../packages/node/dist/api/openapi.js'
import { routes } from '../../packages/node/dist/api/routes.js'

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value)

/** A schema in one phrase: its name, or its shape. */
const phrase = (schema: unknown): string => {
  const reference = at(schema, '$ref')
  if (typeof reference === 'string') return `\`${reference.split('/').at(-1) ?? ''}\``
  const type = at(schema, 'type')
  const choices = at(schema, 'enum')
  if (Array.isArray(choices)) return choices.map((one) => `\`${String(one)}\``).join(', ')
  if (type === 'array') return `list of ${phrase(at(schema, 'items'))}`
  const properties = at(schema, 'properties')
  if (isObject(properties)) return `{ ${Object.keys(properties).join(', ')} }`
  return typeof type === 'string' ? type : 'any'
}

const contentOf = (part: unknown): string => {
  const content = at(part, 'content')
  return isObject(content) ? phrase(at(Object.values(content)[0], 'schema')) : '-'
}

const documentSection = (name: string, schema: unknown): string[] => {
  const properties = at(schema, 'properties')
  if (!isObject(properties)) return [`### ${name}`, '', `${phrase(schema)}.`, '']
  const required = at(schema, 'required')
  const isRequired = (key: string): boolean => Array.isArray(required) && required.includes(key)
  const rows = Object.entries(properties).map(([key, inner]) => [
    `\`${key}\``,
    phrase(inner),
    isRequired(key) ? 'yes' : ''
  ])
  return [`### ${name}`, '', ...markdownTable(['Field', 'Type', 'Always'], rows), '']
}

/** `docs/reference/api.md`, from the table of routes and the schemas of the documents. */
export const renderApi = (): string => {
  const document = openApiDocument()
  const rows = routes.map(({ method, path, summary, status = 200 }) => {
    const shown = path.replace('{+', '{')
    const operation = at(document, 'paths', shown, method.toLowerCase())
    return [
      `\`${method} ${shown}\``,
      summary,
      contentOf(at(operation, 'requestBody')),
      contentOf(at(operation, 'responses', String(status)))
    ]
  })
  const schemas = at(document, 'components', 'schemas')
  return [
    '# Local API',
    '',
    'Written by `npm run docs` from the routes and schemas themselves; a test compares both.',
    '',
    'HTTP and JSON on the unix socket `api.sock` of the state directory, for its owner alone. `@agent-mesh/client` is a',
    'typed client; `curl --unix-socket api.sock http://localhost/v1/status` works as well, and `GET /v1/openapi.json` is the',
    'same as an OpenAPI 3.1 document. Times are milliseconds since 1970, durations milliseconds, peer ids base58.',
    '',
    'Requests refuse fields that they do not know; responses may grow fields. A refusal is `application/problem+json` with',
    'the `code`, `layer` and `hint` of [errors.md](errors.md). A caller that hangs up aborts what it asked for.',
    '',
    ...markdownTable(['Request', 'What it does', 'Body', 'Answer'], rows),
    '',
    'A tunnel is `GET /v1/tunnels/{target}` with `Connection: Upgrade` and `Upgrade: mesh-tunnel`. After `101` both directions',
    'are frames of `u8 type, u24 length`, big-endian: DATA (0) with 1 byte to 256 KiB of payload, FIN (1) with none, and',
    'RESET (2) with the 4-byte number of an error. A connection that ends before FIN was cut. `?port=` and `?kind=` say what',
    'it is for where the target names no service: the service is chosen as for a proxy. The answer says who is at the other',
    'end: `Mesh-Peer-Id`, `Mesh-Peer-Name`, `Mesh-Service`, and in `Mesh-Target` what the target was taken for.',
    '',
    '`CONNECT <host name>:<port>` opens the same without frames, for libraries that can ask a proxy on a unix socket and',
    'nothing else, as grpc-js does.',
    '',
    '## Documents',
    '',
    ...Object.entries(isObject(schemas) ? schemas : {}).flatMap(([name, schema]) => documentSection(name, schema))
  ].join('\n')
}
