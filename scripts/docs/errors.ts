import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { httpStatus } from '../../packages/node/dist/api/problem.js'
import { errorKinds, isErrorCode } from '../../packages/wire/dist/errors.js'

/** `docs/reference/errors.md`, from the table of errors. */
export const renderErrors = (): string => {
  const codes = Object.keys(errorKinds).filter(isErrorCode)
  const rows = codes.map((code) => {
    const { wire, layer, exit, meaning, remedy } = errorKinds[code]
    return [`\`${code}\``, layer, String(exit), String(httpStatus(code)), String(wire), meaning, remedy]
  })
  return [
    '# Errors',
    '',
    'Written by `npm run docs` from `packages/wire/src/errors.ts`; a test compares both.',
    '',
    'Every error has a code, the layer that failed, a message with the concrete name, path or number, and the next command.',
    'The same codes are used on the wire, in the local API (RFC 9457 problem documents), in logs and by the command, whose',
    'exit code they decide. A code never changes its meaning.',
    '',
    ...markdownTable(['Code', 'Layer', 'Exit', 'HTTP', 'Wire', 'Meaning', 'Next'], rows),
    ''
  ].join('\n')
}
