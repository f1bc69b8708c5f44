# SPDX-License-Identifier: Apache-2.0
# The commands of a fresh checkout; each is a thin line over tools/.
# DEMO_FOR: seconds the demo runs, 0 for until Ctrl-C.
DEMO_FOR ?= 240

.PHONY: demo test build bench package

demo:
	tools/setup --for demo
	bin/clew demo $(if $(filter-out 0,$(DEMO_FOR)),--for $(DEMO_FOR))

test:
	tools/setup --for test
	tools/check

build:
	tools/setup --for build

bench:
	tools/setup --for bench
	tools/bench

package:
	@echo "make package: there are no packages yet; 'make build' leaves a bin/clew that runs from any folder" >&2
	@exit 1
