# `make run` serves the site, `make test` is everything a change has to pass. `make help` lists the rest.
#
# Variables, from the environment or the command line:
#   PYTHON     the Python to make .venv with      (default: the first that fits)
#   HOST PORT  where `make run` listens           (default: 127.0.0.1 5000)
#   ARGS       what to hand to pytest, e.g. make test ARGS="tests/hub -x"
#   SECONDS    how long `make chaos` goes on, and SEED of what it does
#   SERVICES   what the tests want on the machine (empty: install nothing, skip what needs them)

SERVICES ?= redis postgres chromium node
export SERVICES

.DEFAULT_GOAL := help
.PHONY: help run test test-django6 test-postgres chaos bench screenshots lint format clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

run:  ## serve the site on http://127.0.0.1:5000
	@scripts/make_venv.sh .venv requirements.txt
	@exec .venv/bin/python scripts/serve.py

test:  ## linters, types, import order, and the tests on every Python at hand
	@scripts/test.sh $(ARGS)

test-django6:  ## the whole suite on Python 3.13 and the newest Django, of which `make test` runs the most telling part
	@scripts/make_venv.sh .venv-3.13 requirements-django6.txt 3.13
	@scripts/services.sh $(SERVICES)
	@scripts/make_node_modules.sh
	@.venv-3.13/bin/python -m pytest --numprocesses 2 --dist loadfile --ignore=tests/tooling $(ARGS)

test-postgres:  ## the tests with the suite's own database on PostgreSQL instead of SQLite
	@scripts/make_venv.sh .venv requirements-dev.txt
	@scripts/services.sh $(SERVICES)
	@scripts/make_node_modules.sh
	@.venv/bin/python -m tests.on_postgres $(ARGS)

chaos:  ## break a real deployment for SECONDS (300) with SEED, and report what came of it
	@scripts/make_venv.sh .venv requirements-dev.txt
	@scripts/services.sh redis postgres
	@.venv/bin/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench:  ## measure this hub and its contenders, or go on with it; QUICK=1 for rough figures, FRESH=1 from nothing
	@scripts/make_venv.sh .venv-bench benchmarks/requirements.txt
	@scripts/services.sh redis postgres node
	@scripts/make_node_modules.sh benchmarks/contenders/node
	@.venv-bench/bin/python -m benchmarks $(if $(QUICK),--quick) $(if $(FRESH),--fresh) $(ARGS)

screenshots:  ## the pictures of docs/images anew
	@scripts/make_venv.sh .venv requirements-dev.txt
	@scripts/services.sh chromium
	@.venv/bin/python scripts/screenshots.py $(ARGS)

lint:  ## the linters alone
	@scripts/make_venv.sh .venv requirements-dev.txt
	@scripts/make_node_modules.sh
	@scripts/lint.sh

format:  ## put the code into the shape that `make lint` wants
	@scripts/make_venv.sh .venv requirements-dev.txt
	@.venv/bin/python -m ruff check --fix-only --quiet .
	@git ls-files -z '*.py' | xargs -0 .venv/bin/python -m django_upgrade --target-version 5.2 --exit-zero-even-if-changed
	@git ls-files -z '*/templates/*.html' | xargs -0 .venv/bin/djade --target-version 5.2 || true
	@.venv/bin/python -m ruff format .

clean:  ## remove everything made here, but for the database
	rm -rf .venv .venv.lock .venv-3.13 .venv-3.13.lock .venv-bench .venv-bench.lock .coverage* .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis build dist staticfiles node_modules node_modules.lock \
		benchmarks/contenders/node/node_modules benchmarks/contenders/node/node_modules.lock
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
