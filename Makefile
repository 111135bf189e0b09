# `make` alone tells what there is.
.DEFAULT_GOAL := help
PY := .venv/bin/python
SECONDS ?=
PYTEST_ARGS ?=
# Compiled files are kept for the next run, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=
# Where the quick tests write: in memory, where there is a gigabyte for it.
QUICK_TMP := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 1000000 ] 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.PHONY: help setup demo test deb every-test quick quick-tests check bench lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

setup:  ## .venv with the locked versions (the other targets call it)
	@scripts/setup

demo:  ## the whole subdistrict on this desk, screen at http://127.0.0.1:8080 ; SECONDS=60 ends by itself
	@scripts/setup mosquitto
	@exec $(PY) -m sim demo_shift --live --demo $(if $(SECONDS),--seconds $(SECONDS))

# Four at once on two cores, and the checks beside them: nearly half of the tests' time is waiting for real clocks.
test:  ## everything, with real broker, browser, MicroPython, PostgreSQL; installs what is missing
	@scripts/setup mosquitto chromium fonts-wqy-zenhei libatomic1 postgresql patch systemd faketime
	@$(MAKE) --no-print-directory --jobs 2 check every-test

# In a new clone all is read and compiled once, not by each of the four.
every-test:
	@[ -d tests/__pycache__ ] || $(PY) -m pytest --collect-only -m "not long" > /dev/null || true
	@$(PY) -m pytest -n 4 --dist worksteal -m "not long" $(PYTEST_ARGS)

quick: setup  ## lint, types, layers and all tests that are over in a moment: about a minute on two cores
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check quick-tests

quick-tests:
	@TMPDIR=$(QUICK_TMP) $(PY) -m pytest -n 2 --dist worksteal -m "not real and not long" -o tmp_path_retention_policy=failed \
		--durations 5 --durations-min 1 $(PYTEST_ARGS)

check: setup  ## lint, types, import contracts, dead code
	@scripts/check

bench: setup  ## all benchmarks, hours; they become docs/benchmarks.md (short: .venv/bin/python -m bench --quick)
	@scripts/setup mosquitto mosquitto-clients postgresql patch systemd mmdebstrap faketime
	@[ .bench/packages/.done -nt bench/requirements.txt ] || { $(PY) -m pip install --quiet --disable-pip-version-check --upgrade \
		--require-hashes --target .bench/packages -r bench/requirements.txt && touch .bench/packages/.done; }
	@$(PY) -m bench

deb: setup  ## the Debian package of the office side, with its locked wheels, in dist/
	@scripts/deb

lock: setup  ## write requirements/*.txt anew from requirements/*.in
	@scripts/lock

clean:  ## remove what the targets made
	rm -rf .venv .typings .demo .bench dist .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
