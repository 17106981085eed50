# `make` prints the targets.
.DEFAULT_GOAL := help
.PHONY: help run build test compiler test-short check generate bench bench-quick soak chaos isolation attack brands playground licences clean
GO ?= go

help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: ## serve in development mode: own PostgreSQL and Redis, demo customer, playground
	$(GO) run . serve --dev

build: ## build bin/insightgraph
	$(GO) build -trimpath -o bin/insightgraph .

# Rooms that start no goroutine (a test looks): the race detector finds nothing in their tests, and makes them slow.
PURE = insightgraph/fault insightgraph/page insightgraph/bank insightgraph/audit insightgraph/category insightgraph/insight insightgraph/insight/catalogue \
	insightgraph/connect insightgraph/statement insightgraph/report insightgraph/paper insightgraph/callback insightgraph/demo
# Programs that drive the one that is tested, which they build: with the race detector where that is to look at it.
DRIVERS = insightgraph/attack insightgraph/chaos

test: compiler check ## check, then all tests, with the race detector where anything happens side by side
	$(GO) test -race -vet=off -timeout 20m $(filter-out $(PURE) $(DRIVERS),$(shell $(GO) list ./...))
	$(GO) test -vet=off -timeout 20m $(PURE) $(DRIVERS)

compiler:
	@command -v $$($(GO) env CC) >/dev/null || (echo "The race detector needs a C compiler: apt-get install gcc (Debian, Ubuntu) or xcode-select --install (macOS)."; exit 1)

test-short: ## the rules only: no services and no browser (so no paper), some seconds
	$(GO) test ./fault ./page ./bank ./audit ./category ./insight/... ./connect ./statement ./report ./callback ./demo

check: ## generated files fresh, gofmt, vet, staticcheck, no clock in the middle, a right for each field (the import table is a test)
	@$(GO) run ./graph/gen
	@git diff --exit-code --stat -- graph/generated go.mod go.sum || (echo "graph/generated is not fresh: run make generate and commit"; exit 1)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || (gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1)
	$(GO) vet ./...
	$(GO) vet -tags failpoint . ./failpoint/armed
	$(GO) tool -modfile=tools.mod staticcheck ./...
	@! grep -nE 'time\.(Now|Since|Until)\(' $$(git ls-files 'fault/*.go' 'page/*.go' 'bank/*.go' 'audit/*.go' 'category/*.go' 'insight/*.go' ':(glob)connect/*.go' 'report/*.go' 'paper/*.go' 'callback/*.go' 'statement/*.go' 'demo/*.go' | grep -v _test.go) \
		|| (echo "the middle reads no clock"; exit 1)
	@$(GO) test ./graph -run '^(TestRightsAreComplete|TestInputsAreDeclared)$$'

isolation: ## who can see what: everything, as everybody, by every id (docs/isolation.md says what is counted)
	$(GO) test ./store -count=1 -run '^(TestSchemaIsolation|TestRowsOfOthers|TestForeignRefs)$$'
	$(GO) test -c -o bin/isolation.test ./graph
	@cd graph && ../bin/isolation.test -isolation -test.run '^TestIsolation$$' -test.timeout 30m

generate: ## make graph/generated from schema.graphqls and gqlgen.yml
	$(GO) run ./graph/gen

bench: ## measure beside limits and peers, write bench/RESULTS.md (about forty minutes)
	$(GO) run ./bench

bench-quick: ## the same with small sizes, in under five minutes; only prints
	$(GO) run ./bench -quick

soak: ## an hour of mixed load on a live server; adds its table to bench/RESULTS.md
	$(GO) run ./bench -soak 60m

SEED ?= 1
N ?= 200
chaos: ## break everything around the program, N scenarios of SEED (or of CASE=F4, or ONLY one), and check that nothing is lost or doubled
	$(GO) run ./chaos -keep -seed $(SEED) -n $(N) $(if $(CASE),-case $(CASE)) $(if $(ONLY),-only $(ONLY))

attack: ## attack a running server in all the ways that we know, in about ten minutes; Node.js adds the package graphql-http
	$(GO) run ./attack

brands: ## rebuild category/tables/brands.tsv from the npm package name-suggestion-index (needs Node.js)
	$(GO) run ./category/brands

playground: ## rebuild web/playground/dist (needs Node.js)
	cd web/playground && npm ci && npm run build

licences: ## print the licences of all that is in the program, for the image
	@for file in web/playground/dist/NOTICE.txt category/tables/brands.LICENSE.txt "$$($(GO) env GOROOT)/LICENSE"; do printf '\n==== %s\n\n' "$$file"; cat "$$file" || exit 1; done
	@modules=$$(CGO_ENABLED=0 $(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' .) && \
	echo "$$modules" | sort -u | while read -r path version dir; do \
		files=$$(cd "$$dir" && find . -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) ! -name '*.go' ! -path '*/testdata/*' | sort); \
		test -n "$$files" || { echo "$$path has no licence" >&2; exit 1; }; \
		for file in $$files; do printf '\n==== %s %s %s\n\n' "$$path" "$$version" "$$file"; cat "$$dir/$$file" || exit 1; done || exit 1; \
	done

clean: ## remove what was built; data in DATA_DIR stays
	rm -rf bin
