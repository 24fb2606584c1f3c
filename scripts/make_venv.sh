#!/usr/bin/env bash
# Make DIR a virtual environment that holds what REQUIREMENTS pins; at once when it already is.
#
# usage: scripts/make_venv.sh DIR REQUIREMENTS [VERSION...]
#
# A stamp in DIR, one for each requirements file, repeats what was installed, for which Python, and
# where. All stamps are gone while pip works, so an environment whose making was interrupted has none:
# it is made anew from nothing, never mended.
set -eu

dir=$1
requirements=$2
shift 2
here=$(dirname "$0")

say() { printf '%s\n' "$*" >&2; }

# Two at a time would take each other's half-made environment for an abandoned one.
if command -v flock >/dev/null; then
    exec 9>"$dir.lock"
    flock -n 9 || { say "Waiting for another make that is at work on $dir ..." && flock 9; }
fi

# The requirements file and those it includes with -r, one a line.
included() {
    printf '%s\n' "$1"
    sed -n 's/^-r  *//p' "$1" | while IFS= read -r other; do
        included "$(dirname "$1")/$other"
    done
}

# Which interpreter this is: version and home, the same for a Python and for environments made by it.
identity() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }

stamp() { printf '%s/.installed-%s\n' "$dir" "$(basename "$1")"; }

# What the stamp of a requirements file has to say. The place is in it because the scripts of an
# environment that was moved or copied still start the Python of the old place.
wanted() {
    printf '%s\n%s\n' "$(cd "$dir" && pwd -P)" "$(identity "$dir/bin/python")"
    included "$1" | while IFS= read -r file; do cat "$file"; done
}

if [ -n "${PYTHON:-}" ]; then
    # Someone chose: an environment of another Python will not do.
    python=$("$here/find_python.sh" "$@")
    [ "$(identity "$python")" = "$(identity "$dir/bin/python")" ] || rm -f "$dir"/.installed-*
fi

if [ -x "$dir/bin/python" ] && [ -e "$(stamp "$requirements")" ] &&
    [ "$(wanted "$requirements")" = "$(cat "$(stamp "$requirements")")" ]; then
    exit 0
fi

# An environment in good order, but for other pins: only the difference is installed.
stamps=("$dir"/.installed-*)
if [ ! -e "${stamps[0]}" ] || ! identity "$dir/bin/python" >/dev/null ||
    [ "$(sed -n 1p "${stamps[0]}")" != "$(cd "$dir" && pwd -P)" ]; then
    python=${python:-$("$here/find_python.sh" "$@")}
    say "Making $dir with $("$python" --version) ..."
    "$python" -m venv --clear "$dir"
fi

rm -f "$dir"/.installed-*
say "Installing $requirements into $dir ..."
if ! "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements"; then
    say "The packages of $requirements could not be installed into $dir; pip says above why."
    exit 1
fi
included "$requirements" | while IFS= read -r file; do
    wanted "$file" >"$(stamp "$file")"
done
