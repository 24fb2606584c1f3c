#!/usr/bin/env bash
# Run every check that is not a test; say at the end which of them failed.
#
# usage: scripts/lint.sh      (after scripts/make_venv.sh .venv requirements-dev.txt)
set -u

# Through the interpreter, as the scripts of an environment hold a path that may be too long or moved.
python=.venv/bin/python
failed=()

check() {
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed+=("$name")
}

# Run a command with the files of that pattern after it.
on_each() {
    pattern=$1
    shift
    find chat project tests benchmarks scripts manage.py -name node_modules -prune -o -path "$pattern" -print0 |
        xargs -0 "$@"
}

check "merge conflicts" scripts/conflicts.sh
check "ruff check" "$python" -m ruff check --quiet .
check "ruff format" "$python" -m ruff format --check --quiet .
check "django-upgrade" on_each '*.py' "$python" -m django_upgrade --check --target-version 5.2
check "djade" on_each '*/templates/*.html' .venv/bin/djade --check --target-version 5.2
check "mypy" "$python" -m mypy
check "tsc" scripts/tsc.sh
check "import order" .venv/bin/lint-imports
check "migrations" "$python" -W error manage.py makemigrations --check --dry-run

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
    exit 1
fi
