# The verbs of the project. `make run` and `make test` need nothing but Rust; they install the rest.

CARGO ?= cargo
EXAMPLE := target/example
RATEL = $(shell $(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/ratel

.PHONY: run read demo model test setup web build example lint fmt deny bench fuzz clean

## Build the release binary and watch this host with it: answers are only told, nothing is changed.
run: build
	scripts/run.sh "$(RATEL)"

## The same binary on a capture that the project makes itself, with the example rules.
read: build example
	"$(RATEL)" read -r $(EXAMPLE)/example.pcap -S examples/example.rules -l $(EXAMPLE)

## A lab of network namespaces in which Ratel is attacked and answers. Needs root.
demo: build
	"$(RATEL)" demo

## The model that ships with the program, trained anew on traffic that the project makes itself.
model:
	mkdir -p crates/ratel/models
	$(CARGO) run --release --locked -p traffic --example model -- crates/ratel/models/default.ratel-model

## Everything that must hold before a change lands.
test: setup lint
	scripts/setup.sh tests
	scripts/web.sh test
	$(CARGO) test --workspace --locked
	$(CARGO) build --workspace --locked
	scripts/wrong-uses.sh

## Install what the build needs from the system's packages.
setup:
	scripts/setup.sh

## The dashboard, where Node is there; the binary takes in what lies in web/dist.
web:
	scripts/web.sh build

build: setup web
	$(CARGO) build --release --locked -p ratel

## The example capture, made by the project's own packet builder.
example:
	mkdir -p $(EXAMPLE)
	$(CARGO) run --release --locked -q -p decode --example example-capture -- $(EXAMPLE)/example.pcap

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt:
	$(CARGO) fmt --all

## Licences and advisories of the dependencies.
deny:
	$(CARGO) deny check

## Ratel beside Suricata, and the parts of Ratel by themselves.
bench: build
	bench/run.sh

## Each fuzz target for FUZZ_SECS seconds (default 60).
fuzz:
	scripts/fuzz.sh $(or $(FUZZ_SECS),60)

clean:
	$(CARGO) clean
