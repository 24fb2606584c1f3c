#!/usr/bin/env bash
# Print the path of a Python that can run the project.
#
# usage: scripts/find_python.sh [VERSION...]      (default: every supported one)
#
# PYTHON in the environment names the only candidate. Each candidate is really run, because a name on
# PATH proves little: pyenv puts shims there for versions that are not switched on, and Debian ships a
# python3 that cannot make a virtual environment. Exits 1, saying what was tried, when none will do.
set -u

SUPPORTED="3.11 3.12 3.13 3.14"
versions=${*:-$SUPPORTED}

# Says what is wrong with a candidate, or "ok 3.12". Nothing at all when it does not even run.
# It speaks the Python of long ago, so that an old interpreter answers too instead of failing to parse.
PROBE='
import sys
found = "%d.%d" % sys.version_info[:2]
if found not in sys.argv[1].split():
    sys.stdout.write("is Python " + found)
    sys.exit()
for module, cure in (
    ("venv", "apt-get install python%s-venv" % found),
    ("ensurepip", "apt-get install python%s-venv" % found),
    ("sqlite3", "rebuild it with the SQLite headers installed"),
    ("ssl", "rebuild it with the OpenSSL headers installed"),
):
    try:
        __import__(module)
    except ImportError:
        sys.stdout.write("has no module %s (%s)" % (module, cure))
        sys.exit()
sys.stdout.write("ok " + found)
'

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        type -ap "$PYTHON" || printf '%s\n' "$PYTHON"
        return
    fi
    for version in $versions; do
        type -ap "python$version"
        for installed in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version"; do
            [ -x "$installed" ] && printf '%s\n' "$installed"
        done
    done
    type -ap python3
}

tried=""
while IFS= read -r candidate; do
    answer=$("$candidate" -c "$PROBE" "$versions" </dev/null 2>/dev/null)
    case "$answer" in
        ok\ *)
            printf '%s\n' "$candidate"
            exit 0
            ;;
        "") tried="$tried  $candidate: does not run"$'\n' ;;
        *) tried="$tried  $candidate: $answer"$'\n' ;;
    esac
done < <(candidates)

{
    echo "No Python here can run channels-chat: it takes one of ${versions// /, }, with venv and ensurepip."
    printf '%s' "${tried:-  (no python3 on PATH)$'\n'}"
    echo "Install one, for example with: apt-get install python3 python3-venv, or: brew install python@3.13"
    echo "Or name one that is elsewhere:  make run PYTHON=/path/to/python3.13"
} >&2
exit 1
