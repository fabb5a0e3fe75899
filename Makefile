# A short front for Meson. `make help` lists what there is.
MAKEFLAGS += --no-print-directory

.PHONY: all
all: deps build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build >/dev/null

.PHONY: deps
deps:
	@packaging/install-packages

.PHONY: format
format:
	@git ls-files '*.[ch]' | xargs clang-format-14 -i
