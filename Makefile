# A short front for Meson: `make help` lists what there is.
MAKEFLAGS += --no-print-directory

PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: all
all: deps build/build.ninja ## builds the programs into build/bin
	@out=$$(ninja -C build --quiet 2>&1) || { echo "$$out"; exit 1; }

build/build.ninja:
	@meson setup build --prefix '$(PREFIX)' >/dev/null

.PHONY: deps
deps: ## installs what is missing of packaging/debian-packages.txt
	@packaging/install-packages

.PHONY: demo
demo: all ## shows what the product does, on two pools of its own (kept running on a terminal)
	@demo/demo

.PHONY: demo-five
demo-five: all ## the same with two pairs and a lone pool, and the Central Management Store on its way
	@demo/demo-five

.PHONY: up
up: all ## starts the two pools of the demonstration in the background
	@demo/up

.PHONY: down
down: ## stops them
	@demo/down

.PHONY: test
test: deps ## runs every test, with samples of what is random
	@test/run

.PHONY: soak
soak: deps ## runs the same with a hundred times as many random rounds
	@test/run --soak

.PHONY: bench
bench: all ## measures, side by side with what people would use instead
	@bench/run

.PHONY: format
format: ## puts the C code into its form
	@git ls-files '*.[ch]' | xargs clang-format-14 -i

.PHONY: install
install: all ## installs into $(DESTDIR)$(PREFIX)
	@meson configure build --prefix '$(PREFIX)' >/dev/null
	@out=$$(ninja -C build --quiet 2>&1) || { echo "$$out"; exit 1; }
	@DESTDIR='$(DESTDIR)' meson install -C build --quiet --no-rebuild

.PHONY: clean
clean: ## removes what was built; run/ stays
	@rm -rf build build-asan build-tsan

.PHONY: help
help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12
