#!/usr/bin/env bash
# Check the types of the page's modules, and of the tests that node runs.
#
# usage: scripts/tsc.sh
#
# Left out where the packages of package-lock.json cannot be had, but not under CI=true.
set -eu

cd "$(dirname "$0")/.."
scripts/make_node_modules.sh
[ -e node_modules/.installed ] || exit 0

status=0
for project in . tests/javascript; do
    node_modules/.bin/tsc --project "$project" || status=1
done
exit $status
