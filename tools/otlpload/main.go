// SPDX-License-Identifier: Apache-2.0

// otlpload: build, replay and query realistic OTLP/HTTP protobuf load.
//
//	otlpload dump   -kind traces|logs|metrics -n 200 -batch 1000 -dir DIR     write bodies + offset tables to files
//	otlpload replay -kind traces|logs|metrics -url URL -total 5000000 ...     replay prebuilt bodies, report JSON
//	otlpload query  -ids FILE -byid URLTEMPLATE -search URLTEMPLATE   measure read latency, report JSON
//
// Bodies are built once from a fixed seed; on replay the trace ids, span ids and
// timestamps inside each body are patched in place, so every request is new data
// while the generator itself costs next to nothing.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "dump":
		err = cmdDump(os.Args[2:])
	case "replay":
		err = cmdReplay(os.Args[2:])
	case "query":
		err = cmdQuery(os.Args[2:])
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "otlpload:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: otlpload dump|replay|query [flags]   (-h after a subcommand lists its flags)")
	os.Exit(2)
}
