#!/usr/bin/env bash
# buf lint over the API, as a client gets it from the binary.
set -euo pipefail
HERE="$(dirname "$(readlink -f "$0")")"
# shellcheck source=tests/clients/common.sh
source "${HERE}/../common.sh"

# Not `npm ci`: the package has a binary for each platform, and npm writes only this one's into a lock
# file, which it then finds incomplete. The version is pinned in package.json.
install_buf() {
  cp "${HERE}/package.json" "$1"
  npm install --prefix "$1" --no-audit --no-fund --no-package-lock --loglevel=error
}

packages="${CLIENTS_CACHE}/buf-$(key_of "${HERE}/package.json" <(node --version))"
once "${packages}" install_buf
write_protos "${WORK}/protos"
cp "${HERE}/../../../protos/buf.yaml" "${WORK}/protos"
cd "${WORK}/protos"
"${packages}/node_modules/.bin/buf" lint
echo "buf lint: clean"
