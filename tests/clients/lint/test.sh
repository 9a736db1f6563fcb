#!/usr/bin/env bash
# buf lint over the API, as a client gets it from the binary.
set -euo pipefail
HERE="$(dirname "$(readlink -f "$0")")"
# shellcheck source=tests/clients/common.sh
source "${HERE}/../common.sh"

install_buf() {
  cp "${HERE}"/package.json "${HERE}"/package-lock.json "$1"
  npm ci --prefix "$1" --no-audit --no-fund --loglevel=error
}

packages="${CLIENTS_CACHE}/buf-$(key_of "${HERE}/package-lock.json" <(node --version))"
once "${packages}" install_buf
write_protos "${WORK}/protos"
cp "${HERE}/../../../protos/buf.yaml" "${WORK}/protos"
cd "${WORK}/protos"
"${packages}/node_modules/.bin/buf" lint
echo "buf lint: clean"
