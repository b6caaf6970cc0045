# The two commands are `make demo` and `make test`: both do all set-up themselves. `make help` lists the rest.
# Everything built goes under build/; what setup.sh fetches goes under $CRANK_CACHE (default ~/.cache/crank).
SHELL := /bin/bash
JOBS ?= $(shell nproc)
export CRANK_CACHE ?= $(HOME)/.cache/crank

.PHONY: all setup build demo test spec fuzz bench bench-serve bench-runtime bench-reactor lint format tidy clean help
all: build

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing: packages, the engine, wasm-tools, zlib for guests
	@tools/setup.sh

build: setup ## the release build; leaves the program at build/bin/crank
	@tools/build.sh release
	@mkdir -p build/bin && ln -sf ../release/bin/crank build/bin/crank

demo: build ## every act of the demo, checked; ACT=compose plays one
	@demo/run $(ACT)

test: ## all set-up and all tests: lint, release, address+undefined, thread, guests, specification, fuzzing
	@tools/test.sh

spec: build ## the Component Model's own suite (../shared/spec-tests, or CRANK_SPEC_TESTS); build/spec/results.json
	@tools/spec.sh

fuzz: setup ## the fuzzers for FUZZ_SECONDS each (default 60)
	@tools/fuzz.sh $${FUZZ_SECONDS:-60}

bench: bench-runtime bench-serve bench-reactor ## all benchmarks

bench-serve: build ## crank serve and calls beside the peer; build/bench/serve.json
	@tools/bench.sh serve
bench-runtime: build ## the runtime beside its peers; build/bench/runtime.json
	@tools/bench.sh runtime
bench-reactor: build ## the reactor; build/bench/reactor.json
	@tools/bench.sh reactor

lint: setup ## formatting, arrows between layers, heads of files, every header alone
	@tools/lint.sh

format: ## rewrite our sources with clang-format
	@git ls-files 'crank/*.h' 'crank/*.cc' 'examples/*.h' 'examples/*.cc' 'tests/*.h' 'tests/*.cc' 'bench/*.h' 'bench/*.cc' \
	  | grep -v '/generated/' | xargs clang-format-22 -i

tidy: build ## clang-tidy over our sources (minutes)
	@git ls-files 'crank/*.cc' | xargs -P$(JOBS) -n4 clang-tidy-22 -p build/release --quiet

clean: ## remove build/
	rm -rf build
