# Pilotwire's commands; each makes its own environment in .venv first, and needs neither root nor a compiler.
#
#   PYTHON=python3.13   make the environment with another Python
#   ONCE=1              make run: end after the first bill
#   TESTS=tests/core    make test: only these

PYTHON ?= python3
TESTS  ?= tests
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --quiet
UV     := 0.13.9

# Another Python, or the tree moved elsewhere: .venv is to be made anew, so both are part of the
# stamps' names. Empty: no Python that will do.
ENVIRONMENT := $(shell exec 2>/dev/null; $(PYTHON) -c 'import os, sys, zlib; \
	assert sys.version_info >= (3, 11); \
	print("%d.%d-%08x" % (sys.version_info[:2] + (zlib.crc32(os.getcwd().encode()),)))')
PRODUCT := $(VENV)/.product-$(ENVIRONMENT)
TOOLS   := $(VENV)/.tools-$(ENVIRONMENT)

# Hashes are checked, and only wheels taken: nothing is compiled and no package's set-up code runs.
INSTALL := $(PIP) install --only-binary :all: --require-hashes --requirement

# $(call timed,WHAT,COMMAND): one line before, one after with the seconds it took.
timed = @echo "== $(1)"; began=$$(date +%s); $(2) && echo "   done in $$(( $$(date +%s) - began )) s"

.DEFAULT_GOAL := help
.PHONY: help run test check check-format check-lint check-types conformance bench pictures lock clean

help:
	@echo "Pilotwire. Every command sets itself up on its first use (.venv, from the lock files)."
	@echo
	@echo "  make run          a charge point and a central system; plays one charging session,"
	@echo "                    then stays until Ctrl-C (make run ONCE=1 ends after the bill)"
	@echo "  make test         the tests (TESTS=tests/core: only those)"
	@echo "  make check        format, lint, types and tests, as before every commit"
	@echo "  make conformance  docs/conformance.md anew: which rules of OCPP 1.6 the stories show"
	@echo "  make bench        the figures, beside gSOAP's and zeep's (BENCH_OUTPUT=docs/figures.md)"
	@echo "  make pictures     the pictures of the README anew, from the demo (needs chromium)"
	@echo "  make lock         the lock files anew from setup.cfg (UPGRADE=1: newest versions)"
	@echo "  make clean        removes what these commands made"

run: $(PRODUCT)
	@exec $(VENV)/bin/pilotwire demo $(if $(ONCE),--once)

test: $(TOOLS)
	$(call timed,tests,$(PY) -m pytest $(TESTS))

# One after the other; with -k each, whatever the one before found.
check: check-format check-lint check-types test

check-format: $(TOOLS)
	$(call timed,format,$(PY) -m ruff format --check --quiet)

check-lint: $(TOOLS)
	$(call timed,lint,$(PY) -m ruff check --quiet)

check-types: $(TOOLS)
	$(call timed,types,$(PY) -m mypy)

# A story that fails is named on the page, which is then not as it should be.
conformance: $(TOOLS)
	$(call timed,stories,$(PY) -m pytest -p tests.conformance tests/stories)

# LONG=1: as for a release. BENCH_OUTPUT=docs/figures.md: keep the table there.
bench: export BENCH_OUTPUT := $(BENCH_OUTPUT)
bench: $(TOOLS)
	$(call timed,figures,$(PY) -m tests.figures.bench $(if $(LONG),--long))

pictures: $(TOOLS)
	$(call timed,pictures,$(PY) -m tests.pictures)

$(PRODUCT): requirements.lock setup.cfg pyproject.toml
	$(if $(ENVIRONMENT),,$(error Python 3.11 or newer is needed, $(PYTHON) is not: make PYTHON=python3.13))
	$(if $(shell $(PYTHON) -c 'import ensurepip, venv' 2>&1),$(error python3-venv is missing: sudo apt install python3-venv))
	$(call timed,environment in $(VENV),rm -f $(VENV)/.product-* && $(PYTHON) -m venv $(VENV))
	$(call timed,packages of requirements.lock,$(INSTALL) requirements.lock)
	$(call timed,pilotwire itself,$(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

$(TOOLS): $(PRODUCT) requirements-dev.lock
	$(call timed,packages of requirements-dev.lock,rm -f $(VENV)/.tools-* && $(INSTALL) requirements-dev.lock)
	@touch $@

# Versions already in the lock stay unless UPGRADE=1.
COMPILE = $(VENV)/bin/uv pip compile setup.cfg --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: $(PRODUCT)
	$(call timed,uv $(UV),$(PIP) install uv==$(UV))
	$(call timed,requirements.lock,$(COMPILE) --extra build --output-file requirements.lock)
	$(call timed,requirements-dev.lock,$(COMPILE) --extra build --extra dev \
		--constraint requirements.lock --output-file requirements-dev.lock)

clean:
	rm -rf $(VENV) .cache build pilotwire.egg-info
	find firmware hal ocpp tests -name __pycache__ -type d -prune -exec rm -rf {} +
