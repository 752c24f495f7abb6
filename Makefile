# The daily verbs. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help run test check golden bench

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 12

run: ## Build the release binary and start a server with its data in ./data (ARGS="--listen 0.0.0.0:8700" adds flags)
	@tests/needs.sh build
	cargo build --release --locked --bin tsudoi
	@exec target/release/tsudoi serve --show-secrets $(ARGS)

test: ## Run everything that has to pass; installs what it needs, takes up to 25 minutes the first time
	@tests/needs.sh test
	@tests/all.sh

check: ## The quick part of `make test`: format, lints, dependencies, Rust tests
	@tests/needs.sh test
	@tests/all.sh format lint dependencies build rust

golden: ## Write generated pages and golden files anew and show what changed; committing is accepting
	GOLDEN_ACCEPT=1 cargo test --quiet --locked -p tsudoi up_to_date
	cargo build --quiet --locked -p tsudoi
	GOLDEN_ACCEPT=1 cargo test --quiet --locked -p tsudoi-it golden
	@git --no-pager diff -- docs tests/golden

bench: ## Measure the release binary: ARGS="fanout --members 1000"; without ARGS, durable sends
	@tests/needs.sh build
	cargo build --release --locked --bin tsudoi
	target/release/tsudoi bench $(or $(ARGS),sends)
