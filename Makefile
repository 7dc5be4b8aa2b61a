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
	$(BIN)/python -m pip install --quiet --editable '.[cli,mock,fleet,plot,parquet]' --group dev --group docs
	@touch $@

demo: $(VENV)/installed  ## show one stream live: from a mock, or from your site if ENPHASE_* is set
	@sh mock/demo.sh $(BIN)

mock: $(VENV)/installed  ## serve the mock on http://127.0.0.1:4010 until Ctrl-C
	@$(BIN)/enphase-mock serve

views: $(VENV)/installed  ## build the views of the document for Prism and for OpenAPI 3.2
	$(BIN)/python spec/views/apply.py spec/views/prism.overlay.yaml build/spec/prism.yaml
	$(BIN)/python spec/views/apply.py spec/views/itemschema.overlay.yaml build/spec/streaming-3.2.yaml

# Node.js packages, exactly as locked: Prism, and for the tests an EventSource client, AsyncAPI's
# schemas and Pyright.
PRISM := mock/prism/node_modules/installed
EVENTSOURCE := tests/clients/eventsource/node_modules/installed
ASYNCAPI := tests/clients/asyncapi/node_modules/installed
PYRIGHT := tests/clients/pyright/node_modules/installed
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

client: $(VENV)/installed  ## generate the client and spec/asyncapi.yaml from the document, and the tables of the pages
	$(BIN)/python spec/generator/generate.py
	$(BIN)/python spec/views/asyncapi.py
	@$(BIN)/python tests/matrix --quiet || echo "Not done: edit what each line above names, then run make client again."

check-client: $(VENV)/installed  ## fail if generated/ or spec/asyncapi.yaml differs from what `make client` writes
	$(BIN)/python spec/generator/generate.py --check
	$(BIN)/python spec/views/asyncapi.py --check

# Wheels for the tests of the built wheel and of the Dockerfile, which use no network. Fetched again
# after each change of the virtual environment, which may be for another Python.
build/wheels/fetched: pyproject.toml $(VENV)/installed
	rm -rf build/wheels
	$(BIN)/python -m pip wheel --quiet --wheel-dir build/wheels '.[cli,mock]' hatchling pytest
	rm build/wheels/enphase_streaming-*.whl
	@touch $@

# Keep compiled modules in any environment: otherwise each worker, and each pytest that a
# test starts, rewrites the assertions of every module again. One worker more than processors, for
# tests that wait.
test: $(VENV)/installed check-client lint types build/wheels/fetched $(PRISM) $(EVENTSOURCE) $(ASYNCAPI)  ## run all tests and checks
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --ignore tests/browser
	@echo "Left out: the tests in a browser. make test-browser runs them, with Chromium."

build/browser/installed: pyproject.toml examples/web_relay/requirements.txt
	$(PYTHON) -m venv build/browser
	build/browser/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/browser/bin/python -m pip install --quiet --editable '.[mock]' --group browser --requirement examples/web_relay/requirements.txt
	@touch $@

test-browser: build/browser/installed  ## test the mock's console and the relay's page in Chromium: make test-browser [CHROMIUM=path]
	@CHROMIUM="$(CHROMIUM)" build/browser/bin/python -m pytest --confcutdir tests/browser tests/browser

test-postgres: $(VENV)/installed  ## test the ledger in PostgreSQL, on a private server from the installed programs
	@ENPHASE_TEST_POSTGRES="$${ENPHASE_TEST_POSTGRES:-private}" $(BIN)/python -m pytest tests/postgres

fuzz: $(VENV)/installed  ## run the property tests with new examples: make fuzz [SECONDS=60] [MINUTES=10]
	@$(BIN)/python tests/fuzz.py --seconds $(if $(MINUTES),$$(($(MINUTES) * 60)),$(or $(SECONDS),60))

# The packages that benchmarks compare with are installed here only.
build/bench/installed: pyproject.toml
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/bench/bin/python -m pip install --quiet --editable '.[cli,mock,plot]' --group bench
	@touch $@

bench: build/bench/installed views $(PRISM)  ## compare speed with other packages, into docs/performance.md: make bench [ONLY=decode] [BEFORE=REVISION]
	@build/bench/bin/python bench $(if $(BEFORE),--before "$(BEFORE)") $(ONLY)

build/mutation/installed: pyproject.toml
	$(PYTHON) -m venv build/mutation
	build/mutation/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/mutation/bin/python -m pip install --quiet --editable '.[cli,mock,fleet,plot,parquet]' --group dev --group mutation
	@touch $@

mutation: build/mutation/installed  ## change the core in small ways and check that a test fails: make mutation [ONLY=sse]
	@PYTHONPATH=tests build/mutation/bin/python -m mutation $(ONLY) --write docs/testing.md

docs: $(VENV)/installed  ## build the documentation into build/site; a warning fails it
	rm -rf build/site
	$(BIN)/python -m sphinx --quiet --nitpicky --fail-on-warning --fresh-env docs build/site

docs-serve: docs  ## show the documentation on http://127.0.0.1:8000 until Ctrl-C: make docs-serve [PORT=8000]
	@echo "http://127.0.0.1:$(or $(PORT),8000)/"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site $(or $(PORT),8000) >/dev/null

pictures: $(VENV)/installed build/examples/installed  ## draw the pictures of the pages again
	$(BIN)/python docs/tools/pictures.py
	build/examples/bin/python docs/tools/example_pictures.py
	PYTHONPATH=tests $(BIN)/python docs/tools/plot_picture.py

# Tools of a release, in an environment of their own.
build/release/installed: pyproject.toml
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/release/bin/python -m pip install --quiet --group release
	@touch $@

dist: build/release/installed  ## build the sdist and the wheel into dist/, and check both
	rm -rf dist
	build/release/bin/python -m build
	build/release/bin/twine check --strict dist/*
	build/release/bin/check-wheel-contents dist/*.whl

check-dist: dist  ## run the demo and all tests in the unpacked sdist
	rm -rf build/sdist
	mkdir -p build/sdist
	tar -xzf dist/*.tar.gz -C build/sdist --strip-components 1
	$(MAKE) -C build/sdist demo test

# What users get: the wheel with every extra, and what it needs.
build/shipped/installed: dist
	rm -rf build/shipped
	$(PYTHON) -m venv --without-pip build/shipped
	build/release/bin/python -m pip --python build/shipped/bin/python install --quiet "$$(echo dist/*.whl)[cli,fleet,mock,postgres]"
	@touch $@

sbom: build/shipped/installed  ## write build/sbom.cdx.json, which lists what the wheel needs
	build/release/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --output-file build/sbom.cdx.json build/shipped/bin/python

audit: build/shipped/installed  ## look for known vulnerabilities in what the wheel needs (asks a service)
	build/release/bin/pip-audit --path "$$(build/shipped/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

workflows: build/release/installed  ## check the GitHub workflows and the containers' files
	build/release/bin/zizmor --offline --pedantic .github
	build/release/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	build/release/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	build/release/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	build/release/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	build/release/bin/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	build/release/bin/hadolint Dockerfile

release-check:  ## fail unless TAG, REPOSITORY, version and changelog agree; write build/notes.md
	@$(PYTHON) tests/release.py "$$TAG" "$$REPOSITORY"

newest:  ## make build/newest with the newest version of each dependency, pins and bounds ignored
	$(MAKE) VENV=build/newest build/newest/installed build/wheels/fetched $(PRISM) $(EVENTSOURCE)
	build/newest/bin/python -m pip list --outdated --format freeze | sed 's/==.*//' >build/outdated.txt
	build/newest/bin/python -m pip install --quiet --upgrade --requirement build/outdated.txt
	cd mock/prism && npm install --no-save @stoplight/prism-cli@latest
	build/newest/bin/python -m pip list

# Each example lists in a requirements.txt what it needs beyond the library.
build/examples/installed: pyproject.toml $(wildcard examples/*/requirements.txt)
	$(PYTHON) -m venv build/examples
	build/examples/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	build/examples/bin/python -m pip install --quiet --editable '.[cli,mock]' --group examples $(patsubst %,--requirement %,$(wildcard examples/*/requirements.txt))
	@touch $@

examples: build/examples/installed  ## test the examples with what is installed: make examples [ONLY=alerts]
	build/examples/bin/mypy $(wildcard examples/*.py examples/*/*.py)
	build/examples/bin/python -m pytest --numprocesses 2 --dist loadfile examples/$(ONLY)

FORMATTED := overlay mock tests spec bench docs hatch_build.py examples
lint: $(VENV)/installed  ## check style and types, and print the size of each package
	$(BIN)/ruff check $(FORMATTED)
	$(BIN)/ruff format --check $(FORMATTED)
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 generated overlay mock/enphase_streaming_mock
	@printf 'overlay         %5d lines\n' "$$(find overlay/enphase_streaming -name '*.py' -not -path '*/cli/*' -exec cat {} + | wc -l)"
	@printf 'overlay command %5d lines\n' "$$(find overlay/enphase_streaming/cli -name '*.py' -exec cat {} + | wc -l)"
	@printf 'mock            %5d lines\n' "$$(find mock/enphase_streaming_mock -name '*.py' -not -path '*/checks/*' -exec cat {} + | wc -l)"
	@printf 'contract suite  %5d lines\n' "$$(find mock/enphase_streaming_mock/checks -name '*.py' -exec cat {} + | wc -l)"

# Pyright finds the packages through the Python on the path; one line each, or the findings.
types: $(VENV)/installed $(PYRIGHT)  ## check that every public name has a type that no checker has to infer
	@for package in enphase_streaming enphase_streaming_mock; do \
		found=$$(PATH="$(abspath $(BIN)):$$PATH" tests/clients/pyright/node_modules/.bin/pyright --ignoreexternal --verifytypes $$package) \
			|| { echo "$$found"; exit 1; }; \
		echo "$$package: $$(echo "$$found" | grep score)"; \
	done

clean:  ## remove the virtual environment and everything built
	rm -rf build dist mock/prism/node_modules tests/clients/*/node_modules $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find generated overlay mock spec tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo docs docs-serve pictures mock prism schemathesis views drift contract client check-client test test-browser test-postgres fuzz bench examples lint types clean mutation
.PHONY: dist check-dist sbom audit workflows release-check newest
