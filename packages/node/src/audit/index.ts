/** What programs need to read an audit log from disk; a node need not run. */
export type { AuditFilter } from './filter.ts'
export { auditFolder, followAudit, readAudit } from './reader.ts'
