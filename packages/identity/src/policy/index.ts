/**
 * Who may do what: a file that an admin writes, and the decision that each receiving node makes by it.
 *
 *     const parsed = parsePolicy(source, { file: 'policy.yaml' })     // shape; the same for everybody
 *     checkPolicy(parsed, { nowMs, directory })                       // names, reach and tests; for its author
 *     const policy = compilePolicy(parsed)
 *     decide(policy, { caller, callee, service: 'web', capabilities: [], nowMs })
 */
export { checkPolicy, type CheckedPolicy, type CheckOptions } from './check.ts'
export { compilePolicy, type CompiledPolicy, type CompileOptions } from './compile.ts'
export { decide, type Decision, type Question } from './decide.ts'
export type { PolicyDirectory } from './directory.ts'
export { everyService, policyKeys, policyLanguage } from './language.ts'
export type { ParsedGrant, ParsedGroup, ParsedPolicy, ParsedTest, Subject } from './language.ts'
export { parsePolicy } from './parse.ts'
export { qualifyPolicy } from './qualify.ts'
export * from './signed-policy.ts'
