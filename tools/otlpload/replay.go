// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

func cmdDump(args []string) error {
	fs := flag.NewFlagSet("dump", flag.ExitOnError)
	kind := fs.String("kind", "traces", "traces, logs or metrics")
	n := fs.Int("n", 200, "bodies")
	batch := fs.Int("batch", 1000, "spans or records per body")
	seed := fs.Int64("seed", 1, "seed")
	dir := fs.String("dir", "payloads", "output directory")
	fs.Parse(args)
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return err
	}
	for i, b := range buildBodies(*kind, *n, *batch, *seed) {
		name := filepath.Join(*dir, fmt.Sprintf("%s-%03d", *kind, i))
		if err := os.WriteFile(name+".pb", b.raw, 0o644); err != nil {
			return err
		}
		j, _ := json.Marshal(map[string]any{"items": b.items, "trace_ids": b.traceIDs, "span_ids": b.spanIDs, "times": b.times, "base_nano": baseNano})
		if err := os.WriteFile(name+".json", j, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sample is what `query` later asks for.
type sample struct {
	ID      string `json:"id"`
	StartNS uint64 `json:"start_ns"`
	Spans   int    `json:"spans"`
}

func cmdReplay(args []string) error {
	fs := flag.NewFlagSet("replay", flag.ExitOnError)
	kind := fs.String("kind", "traces", "traces, logs or metrics")
	url := fs.String("url", "", "OTLP/HTTP endpoint, e.g. http://127.0.0.1:4318/v1/traces")
	total := fs.Int("total", 1_000_000, "spans or records to send")
	n := fs.Int("n", 200, "prebuilt bodies")
	batch := fs.Int("batch", 1000, "spans or records per body")
	seed := fs.Int64("seed", 1, "seed")
	run := fs.Uint64("run", uint64(time.Now().UnixNano()), "run key; ids differ between runs with different keys")
	conns := fs.Int("conns", 4, "keep-alive connections, one request in flight on each")
	gz := fs.Bool("gzip", false, "gzip bodies (level 1)")
	rate := fs.Float64("rate", 0, "cap in items/s (0: as fast as accepted)")
	spread := fs.Duration("spread", 0, "spread timestamps evenly over this long before now (0: now)")
	pid := fs.Int("pid", 0, "server pid, for CPU and RSS")
	out := fs.String("ids", "", "write sampled trace ids here for `query`")
	hdr := fs.String("header", "", "extra header, 'Name: value'")
	maxT := fs.Duration("max", 8*time.Minute, "stop after this long")
	label := fs.String("label", "", "copied into the report")
	fs.Parse(args)
	if *url == "" {
		return fmt.Errorf("-url is required")
	}
	bodies := buildBodies(*kind, *n, *batch, *seed)
	var rawBytes int
	spansPer := 0.0
	for _, b := range bodies {
		rawBytes += len(b.raw)
		spansPer += float64(b.items) / float64(len(b.traces))
	}
	client := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: *conns, MaxConnsPerHost: *conns, DisableCompression: true}}
	reqs := uint64((*total + *batch - 1) / *batch)
	var next, accepted, wire, retries, failed atomic.Uint64
	var mu sync.Mutex
	var lat []float64
	var samples []sample
	statuses := map[string]int{}
	sampleEvery := reqs/400 + 1

	cpu0 := cpuSeconds(*pid)
	self0 := cpuSeconds(os.Getpid())
	start := time.Now()
	deadline := start.Add(*maxT)
	var wg sync.WaitGroup
	for c := 0; c < *conns; c++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var buf []byte
			var zbuf bytes.Buffer
			zw, _ := gzip.NewWriterLevel(&zbuf, 1)
			for {
				i := next.Add(1) - 1
				if i >= reqs || time.Now().After(deadline) {
					return
				}
				if *rate > 0 {
					at := start.Add(time.Duration(float64(i) * float64(*batch) / *rate * 1e9))
					time.Sleep(time.Until(at))
				}
				b := bodies[i%uint64(len(bodies))]
				t0 := uint64(time.Now().Add(-2 * time.Second).UnixNano())
				if *spread > 0 {
					t0 = uint64(start.Add(-*spread).UnixNano()) + uint64(float64(*spread)*float64(i)/float64(reqs))
				}
				buf = b.patch(buf, i^mix(*run), t0)
				payload := buf
				if *gz {
					zbuf.Reset()
					zw.Reset(&zbuf)
					zw.Write(buf)
					zw.Close()
					payload = zbuf.Bytes()
				}
				t := time.Now()
				ok := false
				for try := 0; try < 50 && !ok; try++ {
					req, _ := http.NewRequest("POST", *url, bytes.NewReader(payload))
					req.Header.Set("Content-Type", "application/x-protobuf")
					if *gz {
						req.Header.Set("Content-Encoding", "gzip")
					}
					if k, v, found := strings.Cut(*hdr, ":"); found {
						req.Header.Set(strings.TrimSpace(k), strings.TrimSpace(v))
					}
					res, err := client.Do(req)
					key := "transport error"
					if err == nil {
						msg, _ := io.ReadAll(res.Body)
						res.Body.Close()
						key = strconv.Itoa(res.StatusCode)
						ok = res.StatusCode/100 == 2
						if !ok && res.StatusCode != 429 && res.StatusCode != 503 {
							mu.Lock()
							if statuses[key] == 0 {
								fmt.Fprintf(os.Stderr, "first %s: %.300s\n", key, msg)
							}
							mu.Unlock()
						}
					}
					mu.Lock()
					statuses[key]++
					mu.Unlock()
					if !ok {
						retries.Add(1)
						time.Sleep(50 * time.Millisecond)
					}
				}
				ms := float64(time.Since(t).Microseconds()) / 1000
				if !ok {
					failed.Add(1)
					continue
				}
				accepted.Add(uint64(b.items))
				wire.Add(uint64(len(payload)))
				mu.Lock()
				lat = append(lat, ms)
				if i%sampleEvery == sampleEvery/2 && len(b.traces) > 0 {
					o := b.traces[len(b.traces)/2]
					id := buf[o : o+16]
					cnt := 0
					for _, x := range b.traceIDs {
						if bytes.Equal(buf[x:x+16], id) {
							cnt++
						}
					}
					samples = append(samples, sample{hex.EncodeToString(id), t0, cnt})
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	el := time.Since(start).Seconds()
	cpu := cpuSeconds(*pid) - cpu0
	acc := float64(accepted.Load())
	rep := map[string]any{
		"label": *label, "kind": *kind, "url": *url, "conns": *conns, "gzip": *gz, "batch": *batch,
		"accepted": accepted.Load(), "seconds": r3(el), "items_per_s": int(acc / el), "wire_bytes_per_item": r3(float64(wire.Load()) / acc),
		"raw_bytes_per_item": r3(float64(rawBytes) / float64(*n**batch)), "failed_requests": failed.Load(), "retries": retries.Load(), "statuses": statuses,
		"req_ms": quantiles(lat), "generator_cpu_s": r3(cpuSeconds(os.Getpid()) - self0), "run": *run,
	}
	if *kind == "traces" {
		rep["spans_per_trace"] = r3(spansPer / float64(*n))
	}
	if *pid > 0 {
		rss, hwm := rssMiB(*pid)
		rep["server_cpu_s"], rep["server_cpu_s_per_million"] = r3(cpu), r3(cpu/acc*1e6)
		rep["server_rss_mib"], rep["server_peak_rss_mib"] = rss, hwm
	}
	if *out != "" {
		sort.Slice(samples, func(i, j int) bool { return samples[i].StartNS < samples[j].StartNS })
		j, _ := json.MarshalIndent(samples, "", " ")
		if err := os.WriteFile(*out, j, 0o644); err != nil {
			return err
		}
	}
	return printJSON(rep)
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	return e.Encode(v)
}
