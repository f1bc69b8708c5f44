// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"math/rand"

	"google.golang.org/protobuf/encoding/protowire"
)

// body is one prebuilt request and where its ids and timestamps lie.
type body struct {
	raw      []byte
	traceIDs []int // offsets of 16-byte trace ids
	spanIDs  []int // offsets of 8-byte span and parent-span ids
	times    []int // offsets of fixed64 nanosecond timestamps
	traces   []int // offset of the trace id of each root span (traces) or record (logs)
	items    int
}

// fields calls f for every field of a message, with the offset of its payload in the whole body.
func fields(b []byte, base int, f func(num protowire.Number, typ protowire.Type, val []byte, off int)) {
	for pos := 0; pos < len(b); {
		num, typ, n := protowire.ConsumeTag(b[pos:])
		pos += n
		switch typ {
		case protowire.BytesType:
			v, m := protowire.ConsumeBytes(b[pos:])
			f(num, typ, v, base+pos+m-len(v))
			pos += m
		default:
			m := protowire.ConsumeFieldValue(num, typ, b[pos:])
			f(num, typ, b[pos:pos+m], base+pos)
			pos += m
		}
	}
}

func scanTraces(raw []byte) *body {
	b := &body{raw: raw}
	fields(raw, 0, func(n protowire.Number, _ protowire.Type, rs []byte, o int) { // ResourceSpans
		fields(rs, o, func(n protowire.Number, _ protowire.Type, ss []byte, o int) {
			if n != 2 {
				return
			}
			fields(ss, o, func(n protowire.Number, _ protowire.Type, sp []byte, o int) {
				if n != 2 {
					return
				}
				b.items++
				tid, root := 0, true
				fields(sp, o, func(n protowire.Number, _ protowire.Type, v []byte, o int) {
					switch n {
					case 1:
						tid = o
						b.traceIDs = append(b.traceIDs, o)
					case 2:
						b.spanIDs = append(b.spanIDs, o)
					case 4:
						if len(v) == 8 {
							root = false
							b.spanIDs = append(b.spanIDs, o)
						}
					case 7, 8:
						b.times = append(b.times, o)
					case 11:
						fields(v, o, func(n protowire.Number, _ protowire.Type, _ []byte, o int) {
							if n == 1 {
								b.times = append(b.times, o)
							}
						})
					}
				})
				if root {
					b.traces = append(b.traces, tid)
				}
			})
		})
	})
	return b
}

func scanLogs(raw []byte) *body {
	b := &body{raw: raw}
	fields(raw, 0, func(n protowire.Number, _ protowire.Type, rs []byte, o int) {
		fields(rs, o, func(n protowire.Number, _ protowire.Type, ss []byte, o int) {
			if n != 2 {
				return
			}
			fields(ss, o, func(n protowire.Number, _ protowire.Type, rec []byte, o int) {
				if n != 2 {
					return
				}
				b.items++
				fields(rec, o, func(n protowire.Number, _ protowire.Type, _ []byte, o int) {
					switch n {
					case 1, 11:
						b.times = append(b.times, o)
					case 9:
						b.traceIDs = append(b.traceIDs, o)
						b.traces = append(b.traces, o)
					case 10:
						b.spanIDs = append(b.spanIDs, o)
					}
				})
			})
		})
	})
	return b
}

// scanMetrics notes the times of points, which NumberDataPoint and HistogramDataPoint have in the same field.
func scanMetrics(raw []byte) *body {
	b := &body{raw: raw}
	within := func(n protowire.Number, f func(v []byte, o int)) func(protowire.Number, protowire.Type, []byte, int) {
		return func(m protowire.Number, t protowire.Type, v []byte, o int) {
			if m == n && t == protowire.BytesType {
				f(v, o)
			}
		}
	}
	point := func(v []byte, o int) {
		b.items++
		fields(v, o, func(n protowire.Number, t protowire.Type, _ []byte, o int) {
			if n == 3 && t == protowire.Fixed64Type {
				b.times = append(b.times, o)
			}
		})
	}
	fields(raw, 0, within(1, func(rm []byte, o int) {
		fields(rm, o, within(2, func(sm []byte, o int) {
			fields(sm, o, within(2, func(metric []byte, o int) {
				fields(metric, o, func(n protowire.Number, t protowire.Type, data []byte, o int) {
					if n == 5 || n == 7 || n == 9 { // gauge, sum, histogram
						fields(data, o, within(1, point))
					}
				})
			}))
		}))
	}))
	return b
}

func buildBodies(kind string, n, batch int, seed int64) []*body {
	out := make([]*body, n)
	for i := range out {
		r := rand.New(rand.NewSource(seed + int64(i)))
		switch kind {
		case "logs":
			out[i] = scanLogs(buildLogs(r, batch))
		case "metrics":
			out[i] = scanMetrics(buildMetrics(r, i%metricGroups, batch))
		default:
			out[i] = scanTraces(buildTraces(r, batch))
		}
	}
	return out
}

func mix(x uint64) uint64 { // splitmix64
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// patch copies b into dst, making ids unique to seq and moving baseNano to t0.
func (b *body) patch(dst []byte, seq, t0 uint64) []byte {
	dst = append(dst[:0], b.raw...)
	k1, k2 := mix(seq), mix(seq^0xabcdef)
	le := binary.LittleEndian
	for _, o := range b.traceIDs {
		le.PutUint64(dst[o:], le.Uint64(dst[o:])^k1)
		le.PutUint64(dst[o+8:], le.Uint64(dst[o+8:])^k2)
	}
	for _, o := range b.spanIDs {
		le.PutUint64(dst[o:], le.Uint64(dst[o:])^k1)
	}
	d := t0 - baseNano
	for _, o := range b.times {
		le.PutUint64(dst[o:], le.Uint64(dst[o:])+d)
	}
	return dst
}
