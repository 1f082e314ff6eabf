import * as api from '@agent-mesh/wire/api'
import { limits } from '@agent-mesh/wire/limits'
import { route, type AnyRoute } from './route.ts'

const body = { body: api.policyRequest, mostBodyBytes: limits.apiPolicyBodyBytes }

export const policyRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/policy',
    operation: 'policy',
    response: api.policyDocument,
    summary: 'The policy in force, as its author wrote it.',
    run: (node) => node.policy()
  }),
  route({
    method: 'PUT',
    path: '/v1/policy',
    operation: 'pushPolicy',
    response: api.policyPushResponse,
    summary: 'Signs a policy, puts it in force, and tells everybody.',
    ...body,
    run: (node, input) => node.pushPolicy(input.body)
  }),
  route({
    method: 'POST',
    path: '/v1/policy/check',
    operation: 'checkPolicy',
    response: api.policyCheckResponse,
    summary: 'Looks for what is wrong with a policy; changes nothing.',
    ...body,
    run: (node, input) => node.checkPolicy(input.body)
  }),
  route({
    method: 'POST',
    path: '/v1/policy/sign',
    operation: 'signPolicy',
    response: api.policySignResponse,
    summary: 'Signs a policy for another admin to sign and push.',
    ...body,
    run: (node, input) => node.signPolicy(input.body)
  }),
  route({
    method: 'GET',
    path: '/v1/policy/status',
    operation: 'policyStatus',
    response: api.policyStatus,
    summary: 'Who holds which version of the policy.',
    run: (node) => node.policyStatus()
  })
]
