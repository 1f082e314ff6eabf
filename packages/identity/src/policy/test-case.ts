import { isMap, type Node } from 'yaml'
import { looksLikePeerId, parseName, quote } from '@agent-mesh/wire'
import { policyKeys, type ParsedTest, type TestSubject } from './language.ts'
import { readCapabilities, readServices, type Reading } from './reading.ts'
import { readSubjectWord, readWith } from './subject-word.ts'

const readSubject = (reading: Reading, node: Node): TestSubject | undefined => {
  const { yaml, problems, fileGroups } = reading
  const at = yaml.at(node)
  if (!isMap(node)) {
    const text = yaml.text(node, 'a member, a group, or {name, groups, peer}')
    const word = text === undefined ? undefined : readSubjectWord(text, fileGroups, problems)
    return word === undefined ? undefined : { word, groups: [], at }
  }
  const fields = yaml.fields(node, 'a subject', policyKeys.subject)
  if (fields === undefined) return undefined
  const name = yaml.text(fields.get('name'), 'a name')
  const peer = yaml.text(fields.get('peer'), 'a peer id')
  const groups = yaml
    .texts(fields.get('groups'), 'the name of a group')
    .flatMap((text) => readWith((value) => parseName(value, 'group'), text, problems) ?? [])
  if (name !== undefined) readWith((value) => parseName(value), name, problems)
  if (peer !== undefined && !looksLikePeerId(peer.value)) {
    problems.add(peer.at, `${quote(peer.value)} is no peer id`, 'copy it from mesh-node peers')
    return undefined
  }
  const peerId = peer === undefined ? undefined : readSubjectWord(peer, fileGroups, problems)?.value
  return {
    ...(name === undefined ? {} : { name: name.value }),
    ...(peerId === undefined ? {} : { peer: peerId }),
    groups: [...new Set(groups)],
    at
  }
}

/** Reads one entry of `tests`. */
export const readTest = (reading: Reading, node: Node): ParsedTest | undefined => {
  const { yaml, problems } = reading
  const fields = yaml.fields(node, 'a test', policyKeys.test)
  if (fields === undefined) return undefined
  const missing = (['from', 'to', 'service', 'expect'] as const).filter((key) => fields.get(key) === undefined)
  if (missing.length > 0) {
    problems.add(
      fields.at,
      `a test has no ${missing.join(', no ')}`,
      'example: {from: bob, to: alice, service: web, expect: allow}'
    )
    return undefined
  }
  const [from, to] = [fields.get('from'), fields.get('to')].map((side) =>
    side === undefined ? undefined : readSubject(reading, side)
  )
  const [service, ...others] = readServices(reading, fields.get('service'))
  const expect = yaml.text(fields.get('expect'), 'allow or deny')
  if (others.length > 0 || service === '*') {
    problems.add(yaml.at(fields.get('service')), 'a test names one service', 'write a test for each')
  }
  if (expect !== undefined && expect.value !== 'allow' && expect.value !== 'deny') {
    problems.add(expect.at, `${quote(expect.value)} is neither allow nor deny`)
    return undefined
  }
  if (from === undefined || to === undefined || service === undefined || expect === undefined) return undefined
  return {
    at: fields.at,
    from,
    to,
    service,
    capabilities: readCapabilities(reading, fields.get('capabilities')),
    expect: expect.value === 'allow' ? 'allow' : 'deny'
  }
}
