import type { Outcome } from '../simulation.ts'

export interface Cost {
  messagesPerNodeSecond: number
  bytesPerNodeSecond: number
  digestMessagesPerNodeSecond: number
  digestBytesPerNodeSecond: number
}

/** What is sent. Copies of one gossip message count each; digests by themselves, as their size is the shell's affair. */
export const costOf = ({ trace, scenario }: Outcome): Cost => {
  const nodeSeconds = (scenario.nodes * scenario.durationMs) / 1_000
  return {
    messagesPerNodeSecond: trace.messages / nodeSeconds,
    bytesPerNodeSecond: trace.bytes / nodeSeconds,
    digestMessagesPerNodeSecond: trace.digestMessages / nodeSeconds,
    digestBytesPerNodeSecond: trace.digestBytes / nodeSeconds
  }
}
