# make demo   the whole loop on this machine, without an AWS account
# make test   every check: format, lints, tests, licences
# make localstack   the article's spec against LocalStack, where Docker and a token are available
# make api-drift    members of AWS's newest API model that the spec does not have
# make help   this

SHELL := /bin/bash

# mold links several times faster than the default linker, where it is installed.
ifneq ($(shell command -v mold),)
export RUSTFLAGS := $(strip $(RUSTFLAGS) -C link-arg=-fuse-ld=mold)
endif

.PHONY: help build demo test fmt clippy unit schema emulator localstack conformance api-drift licences advisories clean actions

help:
	@grep '^# make' Makefile | sed 's/^# //'

build:
	cargo build --workspace --locked

demo: build
	bash localstack/demo.sh

# In this order, so that what fails fast fails first.
test: fmt licences clippy unit schema actions emulator conformance

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Each test in a process of its own, with a limit, where cargo-nextest is installed.
unit: build
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -x; cargo nextest run --workspace --locked; \
	else \
	  set -x; cargo test --workspace --locked --lib --bins --tests; \
	fi

# The spec's fields against AWS's API model, its schema in an editor's language server.
schema: build
	bash schema/check.sh
	bash schema/editor.sh

# The article's spec against ministack, an emulator from elsewhere.
emulator: build
	bash localstack/emulator.sh ministack

# The same against LocalStack, where Docker and LOCALSTACK_AUTH_TOKEN are available.
localstack: build
	bash localstack/emulator.sh localstack

# The sandbox's answers against the API model in botocore.
conformance: build
	bash localstack/conformance.sh

# Members of AWS's newest API model that the spec does not have: for reading, not a check.
api-drift:
	bash schema/drift.sh

# What pipelines use of this repository.
actions: build
	bash actions/check.sh

licences:
	python3 .ci/licences.py

# Known vulnerabilities of every dependency. The database is fetched from GitHub: without cargo-deny, or without access to
# it, this says so and does not fail.
advisories:
	@if ! command -v cargo-deny >/dev/null; then \
	  echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"; \
	elif ! cargo deny fetch db 2>/dev/null; then \
	  echo "skipped: the advisory database cannot be fetched from here"; \
	else \
	  cargo deny check --disable-fetch advisories; \
	fi

clean:
	cargo clean
	rm -rf .venv-*
