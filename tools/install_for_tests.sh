#!/bin/sh
# Installs the programs that the tests use besides Python from Debian's packages where possible;
# otherwise prints one line with what is missing.
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -n "$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" ] || command -v initdb >/dev/null 2>&1 \
  || missing="$missing postgresql"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "Installing for the tests:$missing …"
  log=$(mktemp)
  # shellcheck disable=SC2086 # each word is a package
  if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends $missing; } >"$log" 2>&1; then
    rm -f "$log"
    exit 0
  fi
  tail -n 3 "$log"
fi
echo "Missing and not to be installed here:$missing. The tests that need it are skipped."
