# Everything a person needs to build, run, check, measure and install Corten. `make help` lists it.
SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
TARGET := $(shell uname -m)-unknown-linux-gnu
RELEASE := target/$(TARGET)/release
CARGO ?= scripts/cargo
# Tests and the engine need root; a plain user gets there by sudo.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo env PATH="$(PATH)" HOME="$(HOME)")

.PHONY: help build run test bench lint install uninstall clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

build: ## Build both programs, optimised
	@$(AS_ROOT) scripts/install-packages build
	$(CARGO) build --release --locked -p corten -p corten-shim

run: build ## Run the main job: hello-world, then a web server on a published port
	@$(AS_ROOT) scripts/main-job $(RELEASE)/corten

test: ## Install what the tests need and run all of them
	@$(AS_ROOT) scripts/install-packages build test
	$(AS_ROOT) scripts/run-tests

bench: build ## Measure against Debian's dockerd and print the table
	@$(AS_ROOT) scripts/install-packages test bench
	$(CARGO) build --release --locked -p xtask
	$(AS_ROOT) $(RELEASE)/xtask bench $(RELEASE)/corten

lint: ## Formatting, lints, the house's own rules, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) run -q --locked -p xtask -- tidy
	$(CARGO) run -q --locked -p xtask -- licences

install: ## Install under PREFIX (/usr/local), staged in DESTDIR; run `make build` first
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" packaging/install.sh install $(RELEASE)

uninstall: ## Take away what `make install` laid down; state and settings stay
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" packaging/install.sh uninstall $(RELEASE)

clean: ## Remove what was built
	$(CARGO) clean
