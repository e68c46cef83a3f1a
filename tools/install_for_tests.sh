#!/bin/sh
# Installs Chromium from Debian's packages where that is possible; says so in one line where not.
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium for the browser tests …"
  (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium) \
    >/tmp/omcrm-chromium.log 2>&1 && exit 0
fi
echo "Chromium is missing and cannot be installed here: the browser tests will be skipped."
