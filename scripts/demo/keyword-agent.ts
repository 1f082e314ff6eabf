/**
 * An ordinary HTTP server that knows nothing of the mesh: it finds the key phrases of a text.
 *
 *   POST /keywords   the phrases at once, as JSON
 *   POST /watch      one phrase every 200 ms as a line of JSON, round and round until the client leaves
 *
 * Prints its port when it listens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

const agent = process.env['AGENT_NAME'] ?? 'keywords'
const mostBytes = 1024 * 1024

const stopWords = new Set(
  'a an and are as at be but by can do for from has have how in into is it its no not of on only or our out so than that the their them then there they this to up was we what when where which who why will with without you your'.split(
    ' '
  )
)

interface Phrase {
  phrase: string
  score: number
}

/** Runs of words between stop words, as candidates for key phrases. */
const candidatesOf = (input: string): string[][] =>
  input
    .toLowerCase()
    .split(/[^\p{L}\p{N}\s'-]+/u)
    .flatMap((clause) => {
      const runs: string[][] = [[]]
      for (const word of clause.split(/\s+/).filter((one) => one !== '')) {
        if (stopWords.has(word)) runs.push([])
        else runs.at(-1)?.push(word)
      }
      return runs.filter((run) => run.length > 0 && run.length <= 4)
    })

/** RAKE (Rose et al. 2010): a word weighs its neighbours per occurrence, a phrase the sum of its words. */
const keyPhrases = (input: string, count: number): Phrase[] => {
  const candidates = candidatesOf(input)
  const frequency = new Map<string, number>()
  const degree = new Map<string, number>()
  for (const words of candidates) {
    for (const word of words) {
      frequency.set(word, (frequency.get(word) ?? 0) + 1)
      degree.set(word, (degree.get(word) ?? 0) + words.length)
    }
  }
  const weigh = (words: string[]): number =>
    words.reduce((sum, word) => sum + (degree.get(word) ?? 0) / (frequency.get(word) ?? 1), 0)
  const scores = new Map(candidates.map((words) => [words.join(' '), weigh(words)]))
  return [...scores]
    .map(([phrase, score]) => ({ phrase, score: Math.round(score * 10) / 10 }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
}

const watch = (phrases: Phrase[], response: ServerResponse): void => {
  response.setHeader('content-type', 'application/x-ndjson')
  let turn = 0
  const timer = setInterval(() => {
    response.write(`${JSON.stringify({ agent, ...phrases[turn % phrases.length] })}\n`)
    turn += 1
  }, 200)
  response.once('close', () => clearInterval(timer))
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) {
    response.writeHead(413).end()
    return
  }
  const phrases = keyPhrases(await text(request), 5)
  if (request.url === '/watch') {
    watch(phrases, response)
    return
  }
  const { remoteAddress, remotePort } = request.socket
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ agent, caller: `${remoteAddress}:${remotePort}`, phrases }))
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`)
})
