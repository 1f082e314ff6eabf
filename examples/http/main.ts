/**
 * HTTP between two agents. Alice answers requests with a function; Bob asks for her by name, and by what she can do, with
 * `fetch`. Each learns who the other one is from the mesh, not from what the other says.
 */
import { createClient } from '@agent-mesh/client'
import { createFetch } from '@agent-mesh/client/undici'
import { startAgent } from '@agent-mesh/node'

const listen = ['/ip4/127.0.0.1/tcp/0']
const alice = await startAgent({ name: 'alice', isFounder: true, listen })
const bob = await startAgent({ name: 'bob', ticket: await alice.invite(), listen })
const fetch = createFetch(createClient({ socketPath: bob.socketPath }))

try {
  const capabilities = ['language_processing/translation']
  await alice.serve(
    'translator',
    async (request, response) => {
      let text = ''
      for await (const chunk of request) text += String(chunk)
      response.end(`${text.toUpperCase()}, ${String(request.headers['mesh-peer-name'])}!`)
    },
    { capabilities }
  )
  console.log(`alice is ${alice.peerId}`)

  for (const host of ['translator.alice.mesh', 'translation.cap.mesh']) {
    const response = await fetch(`http://${host}/`, { method: 'POST', body: 'hello' })
    console.log(`${host} says: ${await response.text()}`)
    console.log(`  answered by ${response.headers.get('mesh-served-by')}`)
  }

  const failure: unknown = await fetch('http://carol.mesh/').catch((err: unknown) => err)
  if (failure instanceof Error && 'code' in failure)
    console.log(`carol.mesh: ${String(failure.code)}, ${failure.message}`)
} finally {
  await fetch.close()
  await bob.close()
  await alice.close()
}
