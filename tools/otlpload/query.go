// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// cmdQuery measures read latency through two URL templates. In a template:
//
//	{id} {start_s} {end_s} {start_us} {end_us} {start_ns} {end_ns}   (window: sample time +- -window)
//	{service} {op} {word}                                             (drawn per query, URL-escaped)
//
// An answer counts as found when it is 2xx and its body contains -want (templated too), default the trace id.
func cmdQuery(args []string) error {
	fs := flag.NewFlagSet("query", flag.ExitOnError)
	ids := fs.String("ids", "", "samples file written by replay -ids")
	byid := fs.String("byid", "", "URL template for a look-up by trace id")
	search := fs.String("search", "", "URL template for a search; several separated by a space are taken in turn")
	n := fs.Int("n", 50, "queries of each sort")
	window := fs.Duration("window", 5*time.Minute, "half width of the search window")
	wantID := fs.String("want", "{id}", "text a by-id answer must contain")
	wantS := fs.String("want-search", "", "text a search answer must contain")
	accept := fs.String("accept", "", "Accept header")
	pid := fs.Int("pid", 0, "server pid, for CPU")
	seed := fs.Int64("seed", 1, "seed")
	label := fs.String("label", "", "copied into the report")
	verbose := fs.Bool("v", false, "print the first answer of each sort")
	fs.Parse(args)
	var samples []sample
	b, err := os.ReadFile(*ids)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &samples); err != nil {
		return err
	}
	if len(samples) == 0 {
		return fmt.Errorf("no samples in %s", *ids)
	}
	r := rand.New(rand.NewSource(*seed))
	client := &http.Client{Timeout: 60 * time.Second}
	words := []string{"declined", "slow query", "order placed", "QueryCanceled", "pg-primary"}
	fill := func(t string, s sample) string {
		svc := serviceNames[r.Intn(len(serviceNames))]
		op := shop[svc].endpoints[r.Intn(len(shop[svc].endpoints))]
		a, z := s.StartNS-uint64(*window), s.StartNS+uint64(*window)
		return strings.NewReplacer("{id}", s.ID, "{service}", svc, "{op}", url.QueryEscape(op.method+" "+op.route), "{word}", url.QueryEscape(words[r.Intn(len(words))]),
			"{start_s}", strconv.FormatUint(a/1e9, 10), "{end_s}", strconv.FormatUint(z/1e9, 10),
			"{start_us}", strconv.FormatUint(a/1e3, 10), "{end_us}", strconv.FormatUint(z/1e3, 10),
			"{start_ns}", strconv.FormatUint(a, 10), "{end_ns}", strconv.FormatUint(z, 10)).Replace(t)
	}
	rep := map[string]any{"label": *label}
	measure := func(name string, templates []string, want string) {
		var lat []float64
		found, bytes := 0, 0
		statuses := map[string]int{}
		cpu0 := cpuSeconds(*pid)
		for i := 0; i < *n; i++ {
			s := samples[r.Intn(len(samples))]
			u := fill(templates[i%len(templates)], s)
			req, err := http.NewRequest("GET", u, nil)
			if err != nil {
				statuses[err.Error()]++
				continue
			}
			if *accept != "" {
				req.Header.Set("Accept", *accept)
			}
			t := time.Now()
			res, err := client.Do(req)
			if err != nil {
				statuses["transport error"]++
				continue
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			lat = append(lat, float64(time.Since(t).Microseconds())/1000)
			statuses[strconv.Itoa(res.StatusCode)]++
			bytes += len(body)
			if *verbose && i == 0 {
				fmt.Fprintf(os.Stderr, "%s\n%.1500s\n", u, body)
			}
			if res.StatusCode/100 == 2 && strings.Contains(string(body), fill(want, s)) {
				found++
			}
		}
		rep[name] = map[string]any{"ms": quantiles(lat), "found": found, "of": *n, "statuses": statuses, "bytes_per_answer": bytes / *n, "server_cpu_s": r3(cpuSeconds(*pid) - cpu0)}
	}
	if *byid != "" {
		measure("by_id", []string{*byid}, *wantID)
	}
	if *search != "" {
		measure("search", strings.Fields(*search), *wantS)
	}
	return printJSON(rep)
}
