/**
 * Three mesh nodes and two agents on this machine: a network is made, agents join it, are found by what they can do,
 * are dialled by peer id and called through the mesh; then one of them dies.
 *
 *   npm run demo
 *   npm run demo -- "a text of your own"
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { endAll, startProgram, type Running } from './demo/child-process.ts'
import { Member } from './demo/member.ts'
import { code, name, say, short, step } from './demo/stage.ts'
import { tokenize } from './demo/tokenizer.ts'

const sample =
  'Agents run on different clouds and come and go. A mesh node runs beside each agent, gives it a permanent address, ' +
  'finds other agents by what they can do, and carries unmodified programs over encrypted streams.'
const sentence = process.argv.slice(2).join(' ') || sample

const keywords = 'language_processing/keyword_extraction'
const tokens = 'language_processing/tokenization'

interface Candidate {
  peerId: string
  name?: string
  service?: string
  reason: string
}

interface Extracted {
  agent: string
  caller: string
  phrases: Array<{ phrase: string; score: number }>
}

const createNetwork = async (alice: Member): Promise<void> => {
  const { network }: { network: string } = JSON.parse(await alice.verb('network', 'create', '--name', 'alice'))
  say('network', network)
  await alice.up()
}

const admit = async (alice: Member, member: Member, memberName: string): Promise<void> => {
  const { ticket, expires }: { ticket: string; expires: string } = JSON.parse(await alice.verb('invite'))
  say('ticket', `${ticket.slice(0, 24)}… (${ticket.length} characters, good once, until ${expires})`)
  await member.verb('join', ticket, '--name', memberName)
  await member.up()
}

const startAgent = async (file: string, agent: string): Promise<Running> => {
  const running = await startProgram([join(import.meta.dirname, 'demo', file)], { AGENT_NAME: agent })
  say(
    'agent',
    `${name(agent)} listens on 127.0.0.1:${running.firstLine}, process ${running.pid}; it knows nothing of the mesh`
  )
  return running
}

const offer = async (member: Member, service: string, capability: string): Promise<void> => {
  await member.verb('serve', service)
  const serviceName = service.slice(0, service.indexOf('='))
  const { publication }: { publication: { storedBy: number; untilMs: number } } = JSON.parse(
    await member.verb('publish', capability, '--service', serviceName)
  )
  const until = new Date(publication.untilMs).toISOString()
  say(
    'published',
    `${capability} by ${name(member.ready.name)}: stored by ${publication.storedBy} members until ${until}`
  )
}

/** Looks a capability up; each of the members that were expected has to be found, and nobody else. */
const find = async (from: Member, query: string, expected: Member[]): Promise<Candidate[]> => {
  const { candidates, elapsedMs }: { candidates: Candidate[]; elapsedMs: number } = JSON.parse(
    await from.verb('find', query)
  )
  say('find', `${query}: ${candidates.length} found in ${elapsedMs} ms`)
  for (const { peerId, name: who = '?', service = '?', reason } of candidates) {
    say('', `${name(who)} ${short(peerId)} answers it with its service "${service}" (${reason})`)
  }
  const found = candidates.map(({ peerId }) => peerId).toSorted()
  const wanted = expected.map(({ ready }) => ready.peerId).toSorted()
  if (found.join() !== wanted.join()) throw new Error(`found ${found.join() || 'nobody'} instead of ${wanted.join()}`)
  return candidates
}

const dial = async (from: Member, to: Member): Promise<void> => {
  const answer: { peerId: string; path: string; rttMs: number } = JSON.parse(await from.verb('dial', to.ready.peerId))
  if (answer.peerId !== to.ready.peerId) throw new Error(`${answer.peerId} answered`)
  say('dial', `${short(answer.peerId)} answered: path ${answer.path}, round trip ${answer.rttMs} ms`)
}

/** Opens a local door to a service of the agent that holds this peer id, whoever else may claim its address. */
const openDoor = async (from: Member, to: Member, service: string): Promise<string> => {
  const { listen }: { listen: string } = JSON.parse(
    await from.verb('forward', '127.0.0.1:0', `${to.ready.peerId}/${service}`)
  )
  say('forward', `${listen} leads to ${short(to.ready.peerId)}/${service}`)
  return listen
}

const callKeywords = async (door: string, bob: Member): Promise<void> => {
  const startedMs = performance.now()
  const response = await fetch(`http://${door}/keywords`, { method: 'POST', body: sentence })
  const { agent, caller, phrases }: Extracted = JSON.parse(await response.text())
  if (agent !== 'keywords@bob') throw new Error(`${agent} answered instead of keywords@bob`)
  say(
    'HTTP',
    `POST /keywords answered by ${name(agent)} ${short(bob.ready.peerId)} in ${(performance.now() - startedMs).toFixed(1)} ms`
  )
  for (const { phrase, score } of phrases) say('', `${String(score).padStart(5)}  ${phrase}`)
  const { name: who = '?', peerId }: { name?: string; peerId: string } = JSON.parse(await bob.verb('whois', caller))
  say(
    'whois',
    `the agent saw a plain connection from ${caller}; its node knows that this is ${name(who)} ${short(peerId)}`
  )
}

const callTokenizer = async (door: string, carol: Member): Promise<void> => {
  const startedMs = performance.now()
  const found = await tokenize(door, { text: sentence, language: 'en' })
  const agents = new Set(found.map(({ agent }) => agent))
  if (agents.size !== 1 || !agents.has('tokenizer@carol'))
    throw new Error(`${[...agents].join()} answered instead of tokenizer@carol`)
  const words = found.filter((token) => token.is_word)
  say(
    'gRPC',
    `Tokenize streamed ${found.length} tokens, ${words.length} of them words, from ${name('tokenizer@carol')} ${short(carol.ready.peerId)} in ${(performance.now() - startedMs).toFixed(1)} ms`
  )
  say(
    '',
    words
      .slice(0, 12)
      .map(({ text }) => text)
      .join(' · ')
  )
}

/** Reads lines of a stream that never ends by itself, kills its provider after the third, and says what came then. */
const killInMidStream = async (door: string, bob: Member): Promise<void> => {
  const response = await fetch(`http://${door}/watch`, { method: 'POST', body: sentence })
  if (response.body === null) throw new Error('the stream has no body')
  let lines = 0
  let killedMs = 0
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      lines += chunk.split('\n').length - 1
      if (lines >= 3 && killedMs === 0) {
        killedMs = performance.now()
        say('kill', `SIGKILL to the node of ${name('bob')} after ${lines} lines; ended by ${await bob.end('SIGKILL')}`)
      }
    }
  } catch (err) {
    if (killedMs === 0) throw err
    const cause = err instanceof Error && err.cause instanceof Error ? err.cause.message : String(err)
    say('observed', `the open stream broke after ${(performance.now() - killedMs).toFixed(0)} ms: ${code(cause)}`)
    return
  }
  throw new Error('the stream ended as if all had been said')
}

const callTheDead = async (alice: Member, bob: Member, door: string): Promise<void> => {
  const refused = await fetch(`http://${door}/keywords`, { method: 'POST', body: sentence }).then(
    () => undefined,
    (err: unknown) => err
  )
  if (refused === undefined) throw new Error('a call to a dead node was answered')
  const { forwards }: { forwards: Array<{ listen: string; lastError?: { code: string; message: string } }> } =
    JSON.parse(await alice.verb('forward', '--list'))
  const lastError = forwards.find(({ listen }) => listen === door)?.lastError
  if (lastError === undefined) throw new Error(`the forward ${door} does not say why`)
  say('observed', `a new call through ${door} was refused: ${code(lastError.code)}, ${lastError.message}`)
  const dialled = await alice.refusal('dial', bob.ready.peerId)
  say(
    'observed',
    `mesh-node dial ended with ${dialled.exitCode}: ${code(dialled.code)} (${dialled.layer}), ${dialled.message}`
  )
  say('', `its advice: ${dialled.hint}`)
}

const byHand = `
${styleText('bold', 'By hand')}, in two terminals:

  ${styleText('dim', '# one')}
  npx mesh-node network create --name alice --state-dir ./A
  npx mesh-node up --state-dir ./A --listen /ip4/127.0.0.1/tcp/0 &
  node -e "require('http').createServer((_, answer) => answer.end('hello from alice\\n')).listen(8000, '127.0.0.1')" &
  npx mesh-node serve web=http://127.0.0.1:8000 --capability language_processing/translation --state-dir ./A
  npx mesh-node invite --state-dir ./A

  ${styleText('dim', '# two')}
  npx mesh-node join mesh1… --name bob --state-dir ./B
  npx mesh-node up --state-dir ./B --listen /ip4/127.0.0.1/tcp/0 &
  npx mesh-node find language_processing --state-dir ./B
  npx mesh-node forward 127.0.0.1:8080 alice/web --state-dir ./B
  curl http://127.0.0.1:8080/
`

const run = async (folder: string): Promise<void> => {
  const [alice, bob, carol] = [
    new Member(join(folder, 'alice')),
    new Member(join(folder, 'bob')),
    new Member(join(folder, 'carol'))
  ]
  await step('Alice makes a network', () => createNetwork(alice))
  await step('Alice invites, Bob and Carol join', async () => {
    await admit(alice, bob, 'bob')
    await admit(alice, carol, 'carol')
  })
  const [http, grpc] = await step('Two agents start', () =>
    Promise.all([startAgent('keyword-agent.ts', 'keywords@bob'), startAgent('tokenizer-agent.ts', 'tokenizer@carol')])
  )
  await step('Their nodes serve them and publish what they can do', async () => {
    await offer(bob, `keywords=http://127.0.0.1:${http.firstLine}`, keywords)
    await offer(carol, `tokens=grpc://127.0.0.1:${grpc.firstLine}`, tokens)
  })
  await step('Alice finds agents by what they can do', async () => {
    await find(alice, 'language_processing', [bob, carol])
    await find(alice, keywords, [bob])
  })
  await step('Alice dials both by peer id', async () => {
    await dial(alice, bob)
    await dial(alice, carol)
  })
  const [toBob, toCarol] = await step('Alice calls both with ordinary clients', async () => {
    const doors = [await openDoor(alice, bob, 'keywords'), await openDoor(alice, carol, 'tokens')] as const
    await callKeywords(doors[0], bob)
    await callTokenizer(doors[1], carol)
    return doors
  })
  await step('Bob dies in the middle of a stream', async () => {
    await killInMidStream(toBob, bob)
    await callTheDead(alice, bob, toBob)
  })
  await step('Carol does not notice', () => callTokenizer(toCarol, carol))
  await step('All stop', async () => {
    for (const member of [carol, alice])
      say('down', `${name(member.ready.name)} ended with ${await member.end('SIGTERM')}`)
  })
}

process.once('SIGINT', () => {
  process.exitCode = 130
  void endAll()
})

const startedMs = performance.now()
const folder = await mkdtemp(join(tmpdir(), 'mesh-demo-'))
try {
  process.stdout.write(
    `${styleText('bold', 'Agent Mesh')}: three nodes, two agents, one network. Everything stays on 127.0.0.1.\n`
  )
  await run(folder)
  process.stdout.write(
    `\n${styleText('green', 'Done')} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s; nothing is left behind.\n${byHand}`
  )
} catch (err) {
  process.stderr.write(
    `\n${styleText('red', 'The demo failed')}: ${err instanceof Error ? err.message : String(err)}\n`
  )
  process.exitCode = process.exitCode ?? 1
} finally {
  await endAll()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
