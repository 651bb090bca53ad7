# `make` lists the commands. Each needs only Python >= 3.11 (with venv) and make, and makes .venv itself.

PYTHON ?= python3
BIN := .venv/bin
FAST_RECORD := .pytest_cache/spec-fast.json
SLOW_RECORD := .pytest_cache/spec-slow.json

# The versions of frameworks, groups in pyproject.toml, on which the adapters' contract is run again.
VERSIONS := oldest newest

# Tests read it: SKIP="browser redis" leaves those out, and says so.
export SKIP

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check test-slow exit-matrix bench deps clean

help:
	@echo "make demo        start the inspector and send it real events (CHECK=1: verify and exit)"
	@echo "make test        run the tests, their coverage and the requirements they prove"
	@echo "make check       lint, formatting, types, and the pages that are written by tools"
	@echo "make test-slow   run the tests that need time, and the adapters' on old and new versions"
	@echo "make exit-matrix stop every framework under every server, and print what arrived"
	@echo "make bench       run the benchmarks"
	@echo "make deps        install what the commands above need"
	@echo "make clean       remove what they leave behind (.venv stays)"
	@echo
	@echo "PYTHON=python3.13 make test   builds .venv with another Python, if there is none yet"

.venv/.installed: pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "There is no $(PYTHON) here; name a Python >= 3.11 with PYTHON=..."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "posthog_web needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@# --group came with pip 25.1; the pip a Python brings along may be older.
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[inspector]" --group tests --group lint
	@touch $@

demo: .venv/.installed
	$(BIN)/python example_projects/demo.py $(if $(CHECK),--check)

# `coverage run` starts before our own pytest plugin is imported; pytest-cov would start after it.
# --spec-record needs its "=": pytest learns of the option late, and takes a word alone for a test.
test: .venv/.installed system
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow" --spec-record=$(FAST_RECORD)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/python tools/spec_coverage.py --check --record $(FAST_RECORD)

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/python tools/spec_coverage.py --check
	$(BIN)/python -m tools.contract_page --check
	$(BIN)/python -m tools.options_page --check

# pytest ends with 5 when nothing was selected. What is slow ran on the newest versions already.
test-slow: .venv/.installed $(VERSIONS:%=.venv-%/.installed) system
	$(BIN)/python -m pip install --quiet --group uwsgi
	@$(BIN)/python -m pytest -m slow -o faulthandler_timeout=600 --spec-record=$(SLOW_RECORD) || { \
		code=$$?; test $$code -eq 5 || exit $$code; \
		echo "No test is marked slow: nothing was run, nothing was proven."; }
	$(BIN)/python tools/spec_coverage.py --check --record $(SLOW_RECORD)
	@$(MAKE) --no-print-directory contract-oldest
	@$(MAKE) --no-print-directory contract-newest SELECT='-m "not slow"'

# They are as new as the day they were made; `make clean` has them made again.
$(VERSIONS:%=.venv-%/.installed): .venv-%/.installed: pyproject.toml .venv/.installed
	$(BIN)/python -m venv --clear .venv-$*
	.venv-$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-$*/bin/python -m pip install --quiet --editable . --group $*
	@touch $@

.PHONY: contract-oldest contract-newest
contract-oldest: .venv-oldest/.installed
	@echo "The adapters' contract on the oldest versions:"
	.venv-oldest/bin/python -m pytest tests/adapters tests/web $(SELECT)

contract-newest: .venv-newest/.installed
	@echo "The adapters' contract on the newest versions:"
	.venv-newest/bin/python -m pytest tests/adapters tests/web $(SELECT)

# All of it; `make test` runs a part of it, `make test-slow` the rest.
exit-matrix: .venv/.installed
	$(BIN)/python -m pip install --quiet --group uwsgi
	$(BIN)/python -m pytest tests/process/matrix -o faulthandler_timeout=600

bench: .venv/.installed
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks

# On a build server the system's packages are installed unasked; elsewhere `make deps` does it.
deps: .venv/.installed
	sh tools/install_system_packages.sh

.PHONY: system
system:
ifdef CI
	sh tools/install_system_packages.sh
endif

clean:
	rm -rf .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info $(VERSIONS:%=.venv-%)
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
