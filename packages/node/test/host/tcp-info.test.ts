import { expect, it } from 'vitest'
import { readSockets } from '../../src/host/tcp-info.ts'

const text = `0       0       5.5.5.1:40000 5.5.5.2:4001 users:(("MainThread",pid=7,fd=30))
	 cubic rto:204 mss:1448 pmtu:1500 rcvmss:536 advmss:1448 bytes_sent:9000 segs_out:150 segs_in:34 data_segs_out:120 retrans:0/6 minrtt:0.004
0       73      5.5.5.1:40002 5.5.5.2:4001 users:(("MainThread",pid=7,fd=31))
	 cubic rto:204 mss:1228 pmtu:1280 bytes_sent:600 data_segs_out:30 retrans:1/2
0       0       5.5.5.1:40004 5.5.5.3:4001 users:(("MainThread",pid=7,fd=32))
	 cubic rto:204 mss:1448 data_segs_out:9
0       0       5.5.5.1:40006 5.5.5.4:4001 users:(("other",pid=77,fd=3))
	 cubic mss:1448 data_segs_out:9 retrans:0/9
0       0       [::ffff:5.5.5.1]:4001 [::ffff:5.5.5.5]:51000 users:(("MainThread",pid=7,fd=33))
	 cubic mss:536 pmtu:1500 advmss:1460 bytes_sent:77 data_segs_out:9 retrans:0/1
0       0       5.5.5.1:40008 5.5.5.6:4001 users:(("MainThread",pid=7,fd=34))
	 cubic rto:204
`

it('reads what the kernel counts of the connections of one process, those to one end together', () => {
  expect(Object.fromEntries(readSockets(text, 7))).toEqual({
    '5.5.5.2 4001': {
      segments: 150,
      retransmitted: 8,
      mssBytes: 1_228,
      pathMtu: 1_280,
      bytes: 9_600,
      headerBytes: 52
    },
    '5.5.5.3 4001': { segments: 9, retransmitted: 0, mssBytes: 1_448 },
    '5.5.5.5 51000': { segments: 9, retransmitted: 1, mssBytes: 536, pathMtu: 1_500, bytes: 77, headerBytes: 40 }
  })
})

it('reads nothing from what is something else', () => {
  expect(readSockets('', 7).size).toBe(0)
  expect(readSockets('ss: invalid option', 7).size).toBe(0)
})
