# Every verb of the project. Each makes the virtual environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "enphase-streaming needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[cli,mock]' --group dev
	@touch $@

views: $(VENV)/installed  ## build the document's views for Prism and for OpenAPI 3.2
	$(BIN)/python spec/views/apply.py spec/views/prism.overlay.yaml build/spec/prism.yaml
	$(BIN)/python spec/views/apply.py spec/views/itemschema.overlay.yaml build/spec/streaming-3.2.yaml

client: $(VENV)/installed  ## generate the client from the document
	$(BIN)/python spec/generator/generate.py

check-client: $(VENV)/installed  ## fail if generated/ is not what `make client` writes
	$(BIN)/python spec/generator/generate.py --check

.PHONY: help views client check-client
