#!/bin/sh
# Installs the Debian packages of system-packages.txt that the given groups need and that are missing: as root or through sudo; else names them and fails.
# Usage: tools/system_packages.sh GROUP...     COPE_SYSTEM_PACKAGES=skip leaves the system alone (another distribution, another way to the libraries).
set -eu
cd "$(dirname "$0")/.."
[ "${COPE_SYSTEM_PACKAGES:-}" = skip ] && exit 0

wanted=
for group in "$@"; do
  wanted="$wanted $(awk -v group="$group" '!/^#/ && $2 == group {print $1}' system-packages.txt)"
done
missing=
for package in $wanted; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "cope: this is no Debian-like system. Install what these Debian packages hold, then run again with COPE_SYSTEM_PACKAGES=skip:$missing" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  sudo=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  sudo=sudo
else
  echo "cope: system packages are missing, and this is neither root nor sudo. Have them installed, then run again:" >&2
  echo "    apt-get install$missing" >&2
  exit 1
fi
echo "cope: installing$missing"
quiet="-qq -o Dpkg::Use-Pty=0"
$sudo apt-get $quiet update
$sudo env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get $quiet install -y --no-install-recommends $missing >/dev/null
