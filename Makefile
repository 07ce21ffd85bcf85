# CoreCast. `make demo` and `make test` are all a newcomer needs; both need Go
# and nothing else.
GO       ?= go
P4C      ?= p4c-bm2-ss
FUZZTIME ?= 30s
PREFIX   ?= /usr/local
OUT      := $(or $(TMPDIR),/tmp)/corecast-p4

.DEFAULT_GOAL := help
.PHONY: help build install demo test test-bmv2 test-oor p4 lint fuzz bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/corecast
	$(GO) build -o bin/corecast ./cmd/corecast

install: build ## bin/corecast, man pages and completion to PREFIX (/usr/local)
	install -D -m 0755 bin/corecast $(DESTDIR)$(PREFIX)/bin/corecast
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	bin/corecast man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	bin/corecast completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/corecast

demo: build ## Fig. 2 of the paper in one process: media through an ITR and three ETRs to seven viewers
	bin/corecast demo --duration 10s
	@printf '\nNext: bin/corecast demo --ui 127.0.0.1:8080, and open that address in a browser; README.md, "See it", has more.\n'

test: lint ## everything that runs without root or p4lang's tools; more where they are there
	@$(GO) tool -n go.etcd.io/etcd/server/v3 >/dev/null # builds the etcd of several tests once
	$(GO) test ./...
	$(GO) test -race -short ./...

test-bmv2: ## the same scenarios on a real simple_switch_grpc (root; fails if it is missing)
	CORECAST_REQUIRE_BMV2=1 $(GO) test -count=1 -v -timeout 30m ./bmv2test/...

test-oor: ## the Map-Server with real OpenOverlayRouter xTRs (root; fails if oor is missing)
	CORECAST_REQUIRE_OOR=1 $(GO) test -count=1 -v ./mapserver/interop

p4: ## compile the P4 program into p4/build (needs p4lang's p4c)
	@command -v $(P4C) >/dev/null || { echo "$(P4C) is not on PATH: install p4lang-p4c (https://github.com/p4lang/p4c#getting-started) or set P4C=" >&2; exit 1; }
	@mkdir -p $(OUT)
	cd p4 && $(P4C) --std p4-16 --arch v1model --Werror -o $(OUT)/corecast.json \
		--p4runtime-files $(OUT)/corecast.p4info.txtpb v1model/main.p4
	cd p4/build && $(GO) run ./gen $(OUT)/corecast.json $(OUT)/corecast.p4info.txtpb

lint: ## gofmt and go vet
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; } >&2
	$(GO) vet ./...

fuzz: ## every fuzz target for FUZZTIME each
	@targets=$$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); \
	[ -n "$$targets" ] || { echo "no fuzz targets found" >&2; exit 1; }; \
	for dir in $$targets; do \
		for f in $$(grep -h -o '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$f"; $(GO) test $$dir -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

bench: ## all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...
