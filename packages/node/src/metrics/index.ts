/** What a node counts: for the reference page, and for tests that compare it with what is exposed. */
export { metricDefinitions, type MetricName } from './catalogue.ts'
