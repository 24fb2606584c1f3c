#!/usr/bin/env bash
# Fail where a merge has left its markers in a file, and say where.
#
# usage: scripts/conflicts.sh
set -u

# Outside of a repository, as in an unpacked archive, every file is looked at.
git -c grep.fallbackToNoIndex=true grep --line-number -I --extended-regexp '^(<{7}|>{7})( |$)'
case $? in
0) echo "These lines are left over from a merge." >&2 && exit 1 ;;
1) exit 0 ;;
*) exit 1 ;;
esac
