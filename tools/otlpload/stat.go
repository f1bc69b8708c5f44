// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
)

func r3(x float64) float64 { return math.Round(x*1000) / 1000 }

func quantiles(v []float64) map[string]float64 {
	if len(v) == 0 {
		return nil
	}
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	at := func(q float64) float64 { return r3(s[int(math.Min(float64(len(s)-1), q*float64(len(s))))]) }
	return map[string]float64{"p50": at(.5), "p95": at(.95), "p99": at(.99), "max": r3(s[len(s)-1])}
}

// cpuSeconds is user+system time of a process, all threads (100 Hz ticks).
func cpuSeconds(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	u, _ := strconv.ParseFloat(f[11], 64)
	s, _ := strconv.ParseFloat(f[12], 64)
	return (u + s) / 100
}

// rssMiB returns current and peak resident memory.
func rssMiB(pid int) (rss, hwm int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, l := range strings.Split(string(b), "\n") {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.Atoi(f[1])
		switch f[0] {
		case "VmRSS:":
			rss = n / 1024
		case "VmHWM:":
			hwm = n / 1024
		}
	}
	return
}
