# SPDX-License-Identifier: Apache-2.0
# The commands of this project. Each is a CMake preset underneath (CMakePresets.json), so an IDE finds the same builds.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PRESET ?= release
BUILD := build/$(PRESET)
KVHOST := $(BUILD)/bin/kvhost
PREFIX ?= /usr/local
PRESS ?= adakv:snapkv
# How many compilers at once: JOBS=4 make build. Unset: ninja decides.
BUILD_WITH := cmake --build --preset $(PRESET) $(if $(JOBS),-j $(JOBS))
# Two tests at a time share the processors: their threads wait for work without turning in circles on them.
CTEST := OMP_WAIT_POLICY=passive ctest --test-dir $(BUILD) --output-on-failure -j $(or $(JOBS),2)

.PHONY: help setup configure build run chat smollm2 test oracle sanitize tsan fuzz fuzz-short fuzz-kit bench install check-install sbom methods-table format tidy clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
	  sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)

setup: ## install what is missing: system packages (apt) and libtorch (.venv)
	@scripts/setup.sh

configure: setup
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(PRESET)

build: configure ## the program and its plugins, in build/release
	@$(BUILD_WITH)

# Other models bring no prompts: they get two chapters of a book, and their own template.
OF_MODEL = $(if $(MODEL),--model '$(MODEL)' -f '$(or $(TEXT),bench/texts/alice_1_2.txt)')

run: build ## a model (the bundled one, or MODEL=... TEXT=file) and text, compressed (PRESS=...) beside the full cache
	@$(KVHOST) run $(OF_MODEL) --press '$(PRESS)' --compare-full

chat: build ## talk to a model, compressed (the bundled one, or MODEL=smollm2 after make smollm2)
	@$(KVHOST) chat $(OF_MODEL) --press '$(PRESS)'

smollm2: build ## bring SmolLM2-135M-Instruct here, a real model that chats (98 MB, Apache-2.0)
	@$(KVHOST) fetch smollm2

test: configure ## everything, then all tests
	@$(BUILD_WITH) --target all tests/all
	@[ -z "$(CI)" ] || $(KVHOST) fetch smollm2 || \
	  echo 'test: smollm2 could not be fetched; what needs it says SKIPPED'
	@$(CTEST) | tee $(BUILD)/ctest.log
	@grep 'tests passed' $(BUILD)/ctest.log

oracle: build ## compare with transformers and kvpress (its own Python environment)
	@scripts/oracle.sh

sanitize: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer, in build/sanitize
	@scripts/sanitize.sh

tsan: ## sequences on several threads under ThreadSanitizer, in build/tsan
	@scripts/tsan.sh

fuzz: ## every reader of files fuzzed for MINUTES=5 each with libFuzzer, or TARGETS="gguf ..." alone, in build/fuzz
	@scripts/fuzz.sh $(TARGETS)

fuzz-short: ## the same in ten minutes
	@SECONDS_EACH=20 scripts/fuzz.sh $(TARGETS)

# What a user writes or a plugin brings: press texts, JSON, run files, manifests, the scan cache, records of libtorch.
KIT_TARGETS := press_text press_json composition_text composition_json run_config manifest scan_cache torch_record
fuzz-kit: ## of these, press texts, configurations and manifests, a million inputs each, under the sanitizers; what was run is counted
	@RUNS=$(or $(RUNS),1000000) scripts/fuzz.sh $(KIT_TARGETS)

bench: build ## time against Hugging Face + kvpress at Qwen3-0.6B dimensions (7 minutes, 1.2 GB in .cache)
	@"$$(scripts/oracle_env.sh | tail -1)" bench/compare_speed.py --kvhost $(KVHOST)

install: build ## copy to PREFIX=/usr/local, libtorch included; the result may be moved
	@cmake --install $(BUILD) --prefix '$(PREFIX)'

check-install: build ## install into a scratch folder, move it, run it from there
	@scripts/check_install.sh $(BUILD)

sbom: build ## what kvhost is made of, libraries and versions, as SPDX, in build/release/kvhost.spdx.json
	@scripts/sbom.py --build '$(BUILD)' --out '$(BUILD)/kvhost.spdx.json' && echo '$(BUILD)/kvhost.spdx.json'

methods-table: build ## rewrite the table of methods in docs/methods.md
	@scripts/update_methods_table.sh --kvhost $(KVHOST)

format: ## clang-format over the tree, but for the C headers: tables that are aligned by hand
	@git ls-files '*.h' '*.hpp' '*.c' '*.cpp' ':!sdk/include/*.h' | xargs clang-format -i

tidy: configure ## clang-tidy over the host, by .clang-tidy
	@git ls-files 'host/*.cpp' 'registry/*.cpp' | xargs clang-tidy -p $(BUILD) --quiet

clean: ## remove build/; .venv stays
	@rm -rf build
