/** Queues of the kernel at the ends of a cable, as `tc qdisc` takes them. */

/** So many bits a second, and what waits before it: as in a router with 50 ms of queue. */
export const rateQueue = (bitsPerSecond: number): string => `tbf rate ${bitsPerSecond}bit burst 32kb latency 50ms`

/** Each packet waits so long. By itself netem would hold a thousand of them, which is 1.5 MB. */
export const delayQueue = (ms: number): string => `netem delay ${ms}ms limit 100000`
