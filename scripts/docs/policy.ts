import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { checkPolicy, parsePolicy, policyKeys, policyLanguage } from '../../packages/identity/dist/policy/index.js'
import { limits } from '../../packages/wire/dist/limits.js'

type Part = keyof typeof policyKeys

/** What each key means. A key that the language has and this table has not fails the build of the page. */
const meanings: { [P in Part]: Record<(typeof policyKeys)[P][number], string> } = {
  file: {
    version: `Version of the language, ${policyLanguage}. Optional.`,
    groups: 'Group → its members: subjects, or other groups. Optional.',
    grants: 'List of grants. What none of them allows is denied; `[]` denies everything.',
    tests: 'List of tests that have to hold before the file is signed. Optional.'
  },
  grant: {
    from: 'Who may call: one subject or a list.',
    to: 'Whose services: one subject or a list.',
    services: "Exact names of services, or `'*'` for all: one or a list. The star needs its quotation marks.",
    capabilities:
      'Capability paths, each with all below it: one or a list. Covers a service that answers one of them. A grant has `services`, `capabilities` or both.',
    until: 'The grant holds before this instant, ISO 8601 with its zone: `2027-01-31T18:00:00Z`. Optional.'
  },
  test: {
    from: 'The caller: a subject, or `{name, groups, peer}`.',
    to: 'The callee, likewise.',
    service: 'Name of the one service.',
    capabilities: 'Those that the service answers. Optional.',
    expect: '`allow` or `deny`.'
  },
  subject: {
    name: 'Name in the certificate.',
    groups: 'Groups that it is in, by its certificate or by the file.',
    peer: 'Peer id.'
  }
}

const example = `version: 1
groups:
  translators: [alice, bob]
  staff: [translators, group:ops] # a group of the file, and one of certificates
grants:
  - from: staff
    to: group:web-servers
    services: [web, api]
  - from: members
    to: translators
    capabilities: language_processing # translation and whatever else lies below
  - { from: carol, to: alice, services: ssh, until: 2099-01-31T18:00:00Z }
tests:
  - { from: bob, to: { groups: [web-servers] }, service: web, expect: allow }
  - { from: mallory, to: alice, service: ssh, expect: deny }
  - { from: mallory, to: alice, service: web, capabilities: language_processing/translation, expect: allow }
`

const table = (part: Part): string[] =>
  markdownTable(
    ['Key', 'Meaning'],
    Object.entries<string>(meanings[part]).map(([key, meaning]) => [`\`${key}\``, meaning])
  )

/** `docs/reference/policy.md`, from the keys of the language; its example has to pass the check. */
export const renderPolicy = (): string => {
  checkPolicy(parsePolicy(example, { file: 'the example' }), { nowMs: 0 })
  return [
    '# Policy',
    '',
    'Written by `npm run docs` from the keys of the language; a test compares both. [Write your first',
    'policy](../guides/first-policy.md) is the way in.',
    '',
    'One YAML file says who may use what in a network. Admins sign it, every member holds it, and the receiving node',
    'decides by it before a byte reaches the service. Without a policy, members may use what a node serves. With one, what',
    'no grant allows is denied.',
    '',
    '```yaml',
    example.trimEnd(),
    '```',
    '',
    '## The file',
    '',
    ...table('file'),
    '',
    'Every scalar is text: a member may be called `007` or `no`. Anchors, aliases and tags are refused.',
    '',
    '## Subjects',
    '',
    ...markdownTable(
      ['Written', 'Who it is'],
      [
        ['`members`', 'Every member of the network.'],
        ['`12D3Koo…`, `k51…`, `peer:12D3Koo…`', 'The agent with this peer id, also after `cert rotate`.'],
        ['`name:alice`', 'The member with this name in its certificate.'],
        ['`group:ops`', 'The group of this file; where the file has none of that name, the group in certificates.'],
        [
          '`ops`',
          'The group of this file; else a member or a group of certificates, whichever `policy push` knows. It writes the prefix into what is signed.'
        ]
      ]
    ),
    '',
    'A group of the file hides the group of that name in certificates: what the file lists is the whole of it. A bare word',
    'that is a known member and a known group is refused until it has its prefix; one that is neither is refused with a',
    'suggestion. Write the prefix for members that are yet to come.',
    '',
    'A peer id can be taken over by nobody. A name is as good as those who may admit: a delegate can certify a second',
    '`carol`, which resolves to nothing but may call. Give what matters to peer ids, or to groups that no delegate is in.',
    '',
    '## Grants',
    '',
    ...table('grant'),
    '',
    'The first grant of the file that matches is the one that a decision names: `grant 3, line 14: from ops to web-servers`.',
    'A grant that can never be the one is refused: for an empty group, past its end, or allowed by earlier grants already',
    '(in very large files not every such grant is found).',
    '',
    '## Tests',
    '',
    ...table('test'),
    '',
    'A word is a member of that name, with the groups and the peer id that the node knows of it; the word of a group is',
    'somebody in that group of whom nothing else is known. What a certificate would say can be written out:',
    '',
    ...table('subject'),
    '',
    '## Signatures',
    '',
    'A policy counts when as many different admins have signed the same bytes as the network was created with. The root',
    'key is one admin; the others hold a certificate of the root in the group `admin`. The certificate of a signer has to',
    'hold at the time of issue, and the policy stays in force when it ends. A revoked admin signs nothing any more: push',
    'again after revoking one who signed the policy in force, or members that join later will refuse it.',
    '',
    'The higher version wins; a lower one is refused with `POLICY_OUTDATED`. Of two policies with one version that with the',
    'lower SHA-256 wins everywhere, and `POLICY_FORK` is reported. A node whose stored policy is damaged denies everything',
    'until another member has brought it.',
    '',
    '## Limits',
    '',
    ...markdownTable(
      ['What', 'Most'],
      [
        ['Signed policy; every signature carries a copy of the file', `${limits.policyBytes / 1024} KiB`],
        ['Signatures', String(limits.policySignatures)],
        ['Grants', String(limits.policyGrants)],
        ['Groups', String(limits.policyGroups)],
        ['Tests', String(limits.policyTests)],
        ['from × to × (services + capabilities), over all grants; a group counts as one', String(limits.policyRules)],
        [
          'Memberships in groups, those through inner groups included; a bare word counts twice',
          String(limits.policyRules)
        ]
      ]
    ),
    ''
  ].join('\n')
}
