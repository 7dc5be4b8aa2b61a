# All tasks of the project. Each creates the virtual environment that it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# Tests and benchmarks start Python hundreds of times: let it keep compiled modules.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "enphase-streaming needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[cli,mock,fleet]' --group dev
	@touch $@

demo: $(VENV)/installed  ## show one stream live: from a mock, or from your site if ENPHASE_* is set
	@sh mock/demo.sh $(BIN)

mock: $(VENV)/installed  ## serve the mock on http://127.0.0.1:4010 until Ctrl-C
	@$(BIN)/enphase-mock serve

views: $(VENV)/installed  ## build the views of the document for Prism and for OpenAPI 3.2
	$(BIN)/python spec/views/apply.py spec/views/prism.overlay.yaml build/spec/prism.yaml
	$(BIN)/python spec/views/apply.py spec/views/itemschema.overlay.yaml build/spec/streaming-3.2.yaml

# Node.js packages, exactly as locked: Prism, and an EventSource client for the tests.
PRISM := mock/prism/node_modules/installed
EVENTSOURCE := tests/clients/eventsource/node_modules/installed
%/node_modules/installed: %/package.json %/package-lock.json
	@command -v npm >/dev/null || { echo "$* needs Node.js 20 or newer, with npm" >&2; exit 1; }
	cd $* && npm ci --no-audit --no-fund
	@touch $@

prism: views $(PRISM)  ## serve Prism's mock of the same document on http://127.0.0.1:4011 until Ctrl-C
	@cd mock/prism && npx --no-install prism mock --host 127.0.0.1 --port 4011 ../../build/spec/prism.yaml

schemathesis: $(VENV)/installed  ## test the mock with Schemathesis at length: make schemathesis [EXAMPLES=200] [SEED=1]
	@$(BIN)/python tests/run_schemathesis.py --max-examples $(or $(EXAMPLES),200) $(if $(SEED),--seed $(SEED))

drift: $(VENV)/installed  ## compare a published document with ours: make drift UPSTREAM=path
	@$(BIN)/python spec/drift -- "$$UPSTREAM"

contract: $(VENV)/installed $(PRISM)  ## write docs/matrix.md; run the contract suite on the mock, Prism and, with ENPHASE_*, the real API
	@$(BIN)/python tests/matrix
	@$(BIN)/python tests/each_backend.py

client: $(VENV)/installed  ## generate the client from the document, and write docs/matrix.md and tables of docs/guide.md
	$(BIN)/python spec/generator/generate.py
	@$(BIN)/python tests/matrix --quiet || echo "Not done: edit what each line above names, then run make client again."

check-client: $(VENV)/installed  ## fail if generated/ differs from what `make client` writes
	$(BIN)/python spec/generator/generate.py --check

# Wheels for the tests of the built wheel, which use no network. Fetched again after each change of
# the virtual environment, which may be for another Python.
build/wheels/fetched: pyproject.toml $(VENV)/installed
	rm -rf build/wheels
	$(BIN)/python -m pip wheel --quiet --wheel-dir build/wheels '.[cli,mock]' pytest
	rm build/wheels/enphase_streaming-*.whl
	@touch $@

# Keep compiled modules in any environment: otherwise each worker, and each pytest that a
# test starts, rewrites the assertions of every module again. One worker more than processors, for
# tests that wait.
test: $(VENV)/installed check-client lint build/wheels/fetched $(PRISM) $(EVENTSOURCE)  ## run all tests and checks
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --ignore tests/browser
	@echo "Left out: the tests of the console in a browser. make test-browser runs them, with Chromium."

build/browser/installed: pyproject.toml
	$(PYTHON) -m venv build/browser
	build/browser/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/browser/bin/python -m pip install --quiet --editable '.[mock]' --group browser
	@touch $@

test-browser: build/browser/installed  ## test the mock's console in Chromium: make test-browser [CHROMIUM=path]
	@CHROMIUM="$(CHROMIUM)" build/browser/bin/python -m pytest --confcutdir tests/browser tests/browser

fuzz: $(VENV)/installed  ## run the property tests with new examples: make fuzz [SECONDS=60] [MINUTES=10]
	@$(BIN)/python tests/fuzz.py --seconds $(if $(MINUTES),$$(($(MINUTES) * 60)),$(or $(SECONDS),60))

# The packages that benchmarks compare with are installed here only.
build/bench/installed: pyproject.toml
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/bench/bin/python -m pip install --quiet --editable '.[cli,mock]' --group bench
	@touch $@

bench: build/bench/installed views $(PRISM)  ## compare speed with other packages, into docs/performance.md: make bench [ONLY=decode]
	@build/bench/bin/python bench $(ONLY)

build/mutation/installed: pyproject.toml
	$(PYTHON) -m venv build/mutation
	build/mutation/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/mutation/bin/python -m pip install --quiet --editable '.[cli,mock,fleet]' --group dev --group mutation
	@touch $@

mutation: build/mutation/installed  ## change the core in small ways and check that a test fails: make mutation [ONLY=sse]
	@PYTHONPATH=tests build/mutation/bin/python -m mutation $(ONLY) --write docs/testing.md

FORMATTED := overlay mock tests spec bench
lint: $(VENV)/installed  ## check style and types, and print the size of each package
	$(BIN)/ruff check $(FORMATTED)
	$(BIN)/ruff format --check $(FORMATTED)
	$(BIN)/mypy
	@printf 'overlay         %5d lines\n' "$$(find overlay/enphase_streaming -name '*.py' -not -path '*/cli/*' -exec cat {} + | wc -l)"
	@printf 'overlay command %5d lines\n' "$$(find overlay/enphase_streaming/cli -name '*.py' -exec cat {} + | wc -l)"
	@printf 'mock            %5d lines\n' "$$(find mock/enphase_streaming_mock -name '*.py' -not -path '*/checks/*' -exec cat {} + | wc -l)"
	@printf 'contract suite  %5d lines\n' "$$(find mock/enphase_streaming_mock/checks -name '*.py' -exec cat {} + | wc -l)"

clean:  ## remove the virtual environment and everything built
	rm -rf build dist mock/prism/node_modules tests/clients/eventsource/node_modules $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find generated overlay mock spec tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo mock prism schemathesis views drift contract client check-client test test-browser fuzz bench lint clean mutation
