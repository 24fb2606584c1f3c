#!/usr/bin/env bash
# Bring chat/locale up to date: collect what is to be translated, then compile what has been.
#
# usage: scripts/messages.sh      (after scripts/make_venv.sh .venv requirements-dev.txt)
#
# Run it after changing a text, translate what is empty or marked fuzzy in the .po files, and run it
# again. Needs GNU gettext, which tests do not: apt-get install gettext
set -eu

cd "$(dirname "$0")/../chat"
export PYTHONPATH=.. DJANGO_SETTINGS_MODULE=project.settings
admin="${ADMIN:-../.venv/bin/python} -m django"

languages=()
for directory in locale/*/; do
    languages+=(--locale "$(basename "$directory")")
done

$admin makemessages "${languages[@]}" --add-location file --no-wrap --no-obsolete
$admin compilemessages "${languages[@]}"
