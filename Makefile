# Every target works on a machine that has only python >= 3.11 (with venv), make and git.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .boot/bin/uv)
VENV := .venv
BIN := $(VENV)/bin
NAME ?= gateway
QUICK_FLAG := $(if $(QUICK),--quick,)
UI_SOURCES := $(shell find ui -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help run test again check fix bench demo-reset docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.product ui/dist/.built ## run the whole product with the demo network (Ctrl-C stops it)
	$(BIN)/gridlane up --demo

test: $(VENV)/.dev ui/dist/.built ## all tests, against a real PostgreSQL, NATS and browser
	$(BIN)/python -m pytest -n auto --cache-clear $(ARGS) || { [ $$? = 1 ] && $(MAKE) --no-print-directory again; }

# Sockets, browsers and processes share a machine's cores with each other: what failed in the crowd is asked once, alone.
# Rules do not change their answer, and what fails alone is red. What passes only alone stays in the log as failed once.
again:
	@echo "The tests above failed beside the others; each is asked once more, alone."
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS)

check: $(VENV)/.dev ui/dist/.built ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python tools/node.py --prefix ui run check

fix: $(VENV)/.dev ## let the tools mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench ## one benchmark: make bench NAME=gateway QUICK=1
	$(BIN)/gridlane bench $(NAME) $(QUICK_FLAG)

demo-reset: $(VENV)/.product ## forget the demo network and its data
	$(BIN)/gridlane admin reset-demo --yes

docs: $(VENV)/.dev ## write the generated pages of docs/ anew
	$(BIN)/python tools/write_docs.py

lock: .boot/bin/uv ## resolve the dependencies anew
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements/product.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev -o requirements/dev.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev --group bench -o requirements/bench.lock

clean: ## remove what was built (not the data)
	rm -rf $(VENV) .boot ui/dist ui/node_modules

# Debian's own Python refuses pip outside a venv, hence .boot: it holds uv and nothing else.
.boot/bin/uv:
	$(PYTHON) -m venv .boot
	.boot/bin/pip install --quiet uv

$(VENV)/bin/python: | $(if $(findstring .boot,$(UV)),.boot/bin/uv)
	$(UV) venv --quiet --python $(PYTHON) $(VENV)

define install
	$(UV) pip sync --quiet --require-hashes --python $(BIN)/python $(1)
	$(UV) pip install --quiet --no-deps --python $(BIN)/python --editable .
	@rm -f $(VENV)/.product $(VENV)/.dev $(VENV)/.bench
	@touch $(VENV)/.product $(2)
endef

# Each set holds the one above it, so a larger set already installed satisfies the smaller.
$(VENV)/.product: requirements/product.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements/product.lock,)

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements/dev.lock,$(VENV)/.dev)

$(VENV)/.bench: requirements/bench.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements/bench.lock,$(VENV)/.dev $(VENV)/.bench)

ui/dist/.built: $(UI_SOURCES) | $(VENV)/.product
	$(BIN)/python tools/build_ui.py
