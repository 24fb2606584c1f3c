#!/usr/bin/env bash
# Everything a change has to pass.
#
# usage: scripts/test.sh [PYTEST_ARGUMENT...]
#
# Without arguments: the linters, the whole suite with its coverage gates, and, where there is a Python 3.13, that
# part of the suite which is about Python and Django again, on it and the newest Django: not what takes minutes and
# is about neither, which are servers that fail, the modules in a browser, benchmarks and scripts. Each step runs even
# when one before it failed, so that one run tells everything. With arguments: pytest alone, with them.
set -u

cd "$(dirname "$0")/.." || exit 1
failed=()

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed+=("$name")
}

scripts/make_venv.sh .venv requirements-dev.txt || exit 1
# shellcheck disable=SC2086 # a list of words
scripts/services.sh ${SERVICES-redis postgres chromium node} || exit 1
scripts/make_node_modules.sh || exit 1

if [ $# -gt 0 ]; then
    exec .venv/bin/python -m pytest "$@"
fi

# Much of the suite waits for servers. A module's tests stay together: they share what they start. Those with
# the most tests come first, so that what loads the machine, servers that fail and browsers, comes last, and
# not beside tests of the hub that have little patience.
two_at_a_time=(--numprocesses 2 --dist loadfile)

step "linters" scripts/lint.sh

# The protocol is pure, so its own tests alone have to reach every branch of it. These gates are
# pytest's own, not a report afterwards: the last thing a test runner prints is then its closing line.
step "tests of the protocol, which cover all of it" \
    .venv/bin/python -m pytest tests/protocol --cov=chat.protocol --cov-fail-under=100
step "the whole suite" \
    .venv/bin/python -m pytest "${two_at_a_time[@]}" --cov=chat --cov-fail-under=95 --durations=30

second=.venv-3.13
not_again=(chaos browser javascript benchmarks tooling)
if PYTHON="" scripts/find_python.sh 3.13 >/dev/null 2>&1; then
    if PYTHON="" scripts/make_venv.sh $second requirements-django6.txt 3.13; then
        django=$($second/bin/python -m django --version)
        step "the suite without ${not_again[*]}: Django $django, Python 3.13" \
            $second/bin/python -m pytest "${two_at_a_time[@]}" "${not_again[@]/#/--ignore=tests/}"
    else
        failed+=("the environment of Python 3.13")
    fi
else
    printf '\n== no Python 3.13 here: the suite did not run on Django 6\n'
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "$(IFS=';'; echo "${failed[*]}")" >&2
    exit 1
fi
