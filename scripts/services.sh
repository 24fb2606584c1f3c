#!/usr/bin/env bash
# See to it that the programs the tests start are on this machine.
#
# usage: scripts/services.sh [SERVICE...]         (redis, postgres, chromium, nginx, node)
#
# What is missing is installed from Debian's packages, where there is an apt-get and the right to use
# it without being asked for a password. What still is missing then is a failure under CI=true;
# elsewhere it is only said, and the tests that need it are skipped.
set -u

say() { printf '%s\n' "$*" >&2; }

# Debian keeps servers in sbin, which is on root's PATH only, and PostgreSQL's in a place of its own.
PATH="$PATH:/usr/sbin:/usr/local/sbin"

present() {
    case "$1" in
        redis) command -v redis-server ;;
        postgres) { command -v initdb && command -v postgres; } || ls /usr/lib/postgresql/*/bin/initdb ;;
        chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
        nginx) command -v nginx ;;
        node) command -v node && command -v npm ;;
    esac >/dev/null 2>&1
}

packages() {
    case "$1" in
        redis) echo redis-server ;;
        postgres) echo postgresql ;;
        chromium) echo chromium ;;
        nginx) echo nginx-light ;;
        node) echo nodejs npm ;;
        *) return 1 ;;
    esac
}

missing=()
wanted=()
for service in "$@"; do
    if ! package=$(packages "$service"); then
        say "scripts/services.sh knows no service called '$service'."
        exit 2
    fi
    present "$service" && continue
    missing+=("$service")
    # shellcheck disable=SC2206 # a list of words
    wanted+=($package)
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=(env)
else
    as_root=(sudo -n env)
fi

apt_install() {
    "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet \
        --no-install-recommends -o DPkg::Lock::Timeout=300 "${wanted[@]}" >"$log" 2>&1 </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    say "Installing ${wanted[*]} from the system's packages ..."
    # The lists of packages are fetched only if those at hand do not do: it takes longer than the rest.
    apt_install || { "${as_root[@]}" apt-get update --quiet --quiet >/dev/null 2>&1 && apt_install; } ||
        tail -n 20 "$log" >&2
fi

status=0
for service in "${missing[@]}"; do
    present "$service" && continue
    if [ "${CI:-}" = true ]; then
        say "$service is not on this machine and could not be installed; with CI=true the tests need it."
        status=1
    else
        say "$service is not on this machine: the tests that need it will be skipped."
        say "    to run them too: apt-get install $(packages "$service")"
    fi
done
exit $status
