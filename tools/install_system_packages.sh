#!/bin/sh
# Installs from the system's packages what some tests need and pip cannot bring: on Debian and its
# kin, as root. What is there already, or is named in SKIP, is left out.
set -eu

# What it is for, in SKIP; the package; the programs any of which will do.
NEEDS="
browser chromium chromium chromium-browser google-chrome
redis redis-server redis-server
"

missing=""
while read -r purpose package programs; do
    [ -n "$purpose" ] || continue
    case " ${SKIP:-} " in *" $purpose "*) echo "$package: skipped, as SKIP says"; continue ;; esac
    found=""
    for program in $programs; do
        found=${found:-$(command -v "$program" || true)}
    done
    if [ -n "$found" ]; then echo "$package: $found"; else missing="$missing $package"; fi
done <<EOF
$NEEDS
EOF

[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Please install, with your system's package manager:$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 (several packages are several words)
apt-get install -qq --yes --no-install-recommends $missing
