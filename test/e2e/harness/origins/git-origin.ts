import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { makeScratchDir } from '../cleanup.ts'
import { run, start } from '../command.ts'
import { listenLocally } from '../local-server.ts'

export interface GitOrigin {
  url: string
  /** Subjects of the commits of `words.git`, newest first. */
  log: () => Promise<string>
}

const git = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run('git', args, { env: { GIT_CONFIG_GLOBAL: '/dev/null' } })
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Runs `git http-backend` as a web server does (RFC 3875). */
const runBackend = async (root: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname, search } = new URL(request.url ?? '/', 'http://origin')
  const header = (name: string): string => String(request.headers[name] ?? '')
  const child = start('git', ['http-backend'], {
    env: {
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      REMOTE_USER: 'somebody'
    }
  })
  if (child.stdin === null || child.stdout === null) throw new Error('git has no pipes')
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  let head = Buffer.alloc(0)
  for await (const part of child.stdout) {
    if (response.headersSent) {
      response.write(part)
      continue
    }
    head = Buffer.concat([head, Buffer.from(part)])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) continue
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(': ')
      if (name === 'Status') response.statusCode = Number(value.slice(0, 3))
      else response.setHeader(name, value)
    }
    response.write(head.subarray(end + 4))
  }
  response.end()
}

/** A git server over HTTP with one repository, `words.git`, that takes pushes. */
export const startGitOrigin = async (): Promise<GitOrigin> => {
  const root = await makeScratchDir('git')
  const bare = join(root, 'words.git')
  const seed = join(root, 'seed')
  await git('init', '-q', '--bare', '-b', 'main', bare)
  await git('-C', bare, 'config', 'http.receivepack', 'true')
  await git('init', '-q', '-b', 'main', seed)
  await git('-C', seed, '-c', 'user.name=a', '-c', 'user.email=a@mesh', 'commit', '-q', '--allow-empty', '-m', 'first')
  await git('-C', seed, 'push', '-q', bare, 'main')
  const server = createServer((request, response) => {
    runBackend(root, request, response).catch(() => response.destroy())
  })
  const port = await listenLocally(server)
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => git('-C', bare, 'log', '--format=%s', 'main')
  }
}
