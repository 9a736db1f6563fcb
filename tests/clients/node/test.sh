#!/usr/bin/env bash
# The Node client.
set -euo pipefail
HERE="$(dirname "$(readlink -f "$0")")"
# shellcheck source=tests/clients/common.sh
source "${HERE}/../common.sh"

install_packages() {
  cp "${HERE}"/package.json "${HERE}"/package-lock.json "$1"
  npm ci --prefix "$1" --no-audit --no-fund --ignore-scripts --loglevel=error
}

packages="${CLIENTS_CACHE}/node-$(key_of "${HERE}/package-lock.json" <(node --version))"
once "${packages}" install_packages
write_protos "${WORK}/protos"
# Node looks for packages beside the file that imports them.
cp "${HERE}/client.js" "${HERE}/package.json" "${WORK}"
ln -s "${packages}/node_modules" "${WORK}/node_modules"

start_server
node "${WORK}/client.js" "${ADDRESS}" "${WORK}/protos"
