import { parseSync, Visitor } from 'oxc-parser'

/** One import, re-export or `import()` of a source file. */
export interface ImportEdge {
  specifier: string
  line: number
}

/** What the rules look at in one file. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  path: string
  imports: ImportEdge[]
  /** Lines on which something is exported as default. */
  defaultExports: number[]
  /** Lines that end the process. */
  processExits: number[]
  lineCount: number
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

/**
 * Reads what a TypeScript module imports and exports, from its syntax tree: words in comments and strings are not
 * taken for imports, `import('x').Y` in a type is.
 * @throws Error where the text does not parse
 */
export const parseSource = (path: string, text: string): SourceFile => {
  const { module, program, errors } = parseSync(path, text)
  const [error] = errors
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`)
  const imports: ImportEdge[] = []
  const processExits: number[] = []
  const defaultExports: number[] = []
  const add = (specifier: string, offset: number): void => {
    imports.push({ specifier, line: lineAt(text, offset) })
  }
  for (const { moduleRequest } of module.staticImports) add(moduleRequest.value, moduleRequest.start)
  for (const { entries } of module.staticExports) {
    const request = entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest
    if (request !== undefined && request !== null) add(request.value, request.start)
  }
  new Visitor({
    ImportExpression: ({ source, start }) => {
      // A specifier that is computed cannot be checked: it is an edge that no rule allows.
      add(source.type === 'Literal' && typeof source.value === 'string' ? source.value : '<computed>', start)
    },
    TSImportType: ({ source, start }) => add(source.value, start),
    ExportDefaultDeclaration: ({ start }) => {
      defaultExports.push(lineAt(text, start))
    },
    ExportSpecifier: ({ exported, start }) => {
      const name = exported.type === 'Literal' ? exported.value : exported.name
      if (name === 'default') defaultExports.push(lineAt(text, start))
    },
    MemberExpression: ({ object, property, start }) => {
      const isExit = property.type === 'Identifier' && property.name === 'exit'
      if (isExit && object.type === 'Identifier' && object.name === 'process') processExits.push(lineAt(text, start))
    }
  }).visit(program)
  return { path, imports, defaultExports, processExits, lineCount: text.trimEnd().split('\n').length }
}
