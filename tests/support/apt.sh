#!/usr/bin/env bash
# apt.sh PACKAGE...: installs those Debian packages that are not there yet.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "apt.sh: missing: ${missing[*]} (no apt-get here: install them by hand)" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "apt.sh: missing: ${missing[*]} (run as root: apt-get install ${missing[*]})" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "apt.sh: installing ${missing[*]}" >&2
# The index may be missing or older than the archive: refresh it once, only when needed.
if ! apt install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        echo "apt.sh: cannot install ${missing[*]}:" >&2
        tail -n 15 "$log" >&2
        exit 1
    fi
fi
