# Every verb of the project. Each makes the virtual environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# Tests and measurements start Python hundreds of times: let it compile each module only once.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "enphase-streaming needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[cli,mock,fleet]' --group dev
	@touch $@

demo: $(VENV)/installed  ## a live view of one stream: of a mock, or of your site if ENPHASE_* is set
	@sh mock/demo.sh $(BIN)

mock: $(VENV)/installed  ## serve the mock on http://127.0.0.1:4010 until Ctrl-C
	@$(BIN)/enphase-mock serve

views: $(VENV)/installed  ## build the document's views for Prism and for OpenAPI 3.2
	$(BIN)/python spec/views/apply.py spec/views/prism.overlay.yaml build/spec/prism.yaml
	$(BIN)/python spec/views/apply.py spec/views/itemschema.overlay.yaml build/spec/streaming-3.2.yaml

# Packages for Node.js, exactly those of the lock file: Prism, and a client for the tests.
PRISM := mock/prism/node_modules/installed
EVENTSOURCE := tests/clients/eventsource/node_modules/installed
%/node_modules/installed: %/package.json %/package-lock.json
	@command -v npm >/dev/null || { echo "$* needs Node.js 20 or newer, with npm" >&2; exit 1; }
	cd $* && npm ci --no-audit --no-fund
	@touch $@

prism: views $(PRISM)  ## serve Prism's mock of the same document on http://127.0.0.1:4011 until Ctrl-C
	@cd mock/prism && npx --no-install prism mock --host 127.0.0.1 --port 4011 ../../build/spec/prism.yaml

schemathesis: $(VENV)/installed  ## let Schemathesis examine the mock at length: make schemathesis EXAMPLES=200
	@$(BIN)/python tests/examined.py --max-examples $(or $(EXAMPLES),200) $(if $(SEED),--seed $(SEED))

drift: $(VENV)/installed  ## compare what is published with our document: make drift UPSTREAM=path
	@$(BIN)/python spec/drift -- "$$UPSTREAM"

contract: $(VENV)/installed $(PRISM)  ## write docs/matrix.md; ask the mock, Prism and, with ENPHASE_*, the real API
	@$(BIN)/python tests/matrix
	@$(BIN)/python tests/each_backend.py

client: $(VENV)/installed  ## generate the client from the document
	$(BIN)/python spec/generator/generate.py

check-client: $(VENV)/installed  ## fail if generated/ is not what `make client` writes
	$(BIN)/python spec/generator/generate.py --check

# For the tests of the built wheel, which reach no network. Older than the virtual environment means
# for another Python, perhaps.
build/wheels/fetched: pyproject.toml $(VENV)/installed
	rm -rf build/wheels
	$(BIN)/python -m pip wheel --quiet --wheel-dir build/wheels '.[cli,mock]' pytest
	rm build/wheels/enphase_streaming-*.whl
	@touch $@

# Compiled modules are kept even where the environment says otherwise: each worker, and each pytest
# that a test starts, would rewrite the assertions of every module and plugin again.
# One worker more than there are processors, for where the others wait.
test: $(VENV)/installed check-client lint build/wheels/fetched $(PRISM) $(EVENTSOURCE)  ## everything there is to test
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile

fuzz: $(VENV)/installed  ## try properties with ever other examples: make fuzz [SECONDS=60] [MINUTES=10]
	@$(BIN)/python tests/fuzz.py --seconds $(if $(MINUTES),$$(($(MINUTES) * 60)),$(or $(SECONDS),60))

# All that is measured beside the project is installed here and nowhere else.
build/bench/installed: pyproject.toml
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/bench/bin/python -m pip install --quiet --editable '.[cli,mock]' --group bench
	@touch $@

bench: build/bench/installed views $(PRISM)  ## measure beside others, into docs/performance.md: make bench [ONLY=decode]
	@build/bench/bin/python bench $(ONLY)

build/mutation/installed: pyproject.toml
	$(PYTHON) -m venv build/mutation
	build/mutation/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/mutation/bin/python -m pip install --quiet --editable '.[cli,mock,fleet]' --group dev --group mutation
	@touch $@

mutation: build/mutation/installed  ## ask of small changes to the core whether a test notices: make mutation [ONLY=sse]
	@PYTHONPATH=tests build/mutation/bin/python -m mutation $(ONLY) --write docs/testing.md

FORMATTED := overlay mock tests spec bench
lint: $(VENV)/installed  ## check style and types, and print the sizes
	$(BIN)/ruff check $(FORMATTED)
	$(BIN)/ruff format --check $(FORMATTED)
	$(BIN)/mypy
	@printf 'overlay         %5d lines\n' "$$(find overlay/enphase_streaming -name '*.py' -not -path '*/cli/*' -exec cat {} + | wc -l)"
	@printf 'overlay command %5d lines\n' "$$(find overlay/enphase_streaming/cli -name '*.py' -exec cat {} + | wc -l)"
	@printf 'mock            %5d lines\n' "$$(find mock/enphase_streaming_mock -name '*.py' -not -path '*/checks/*' -exec cat {} + | wc -l)"
	@printf 'contract suite  %5d lines\n' "$$(find mock/enphase_streaming_mock/checks -name '*.py' -exec cat {} + | wc -l)"

clean:  ## remove what was built, and the virtual environment
	rm -rf build dist mock/prism/node_modules tests/clients/eventsource/node_modules $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find generated overlay mock spec tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo mock prism schemathesis views drift contract client check-client test fuzz bench lint clean mutation
