#!/usr/bin/env bash
# The Go client, and the Go worker. With `reflection` as third argument: stock reflection clients
# instead.
set -euo pipefail
HERE="$(dirname "$(readlink -f "$0")")"
# shellcheck source=tests/clients/common.sh
source "${HERE}/../common.sh"
# shellcheck source=tools/common.sh
source "${HERE}/../../../tools/common.sh"

go="$(find_go)" || fail "no Go 1.${GO_MINOR_NEEDED} or newer; tools/install clients installs it"
PATH="$(dirname "${go}"):${PATH}"
# It fetches the toolchain that go.mod asks for, which Debian's does only when told.
export GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
export GOMODCACHE="${CLIENTS_CACHE}/go-modules" GOCACHE="${CLIENTS_CACHE}/go-build" GOFLAGS=-modcacherw

module="${WORK}/module"
mkdir "${module}" "${WORK}/bin"
cp -r "${HERE}"/{go.mod,go.sum,cmd} "${module}"
cd "${module}"

if [[ "${3:-}" == reflection ]]; then
  go vet ./cmd/reflect
  go build -mod=readonly -o "${WORK}/bin/" ./cmd/reflect
  start_server
  "${WORK}/bin/reflect" "${ADDRESS}"
  exit 0
fi

write_protos "${WORK}/protos"
mkdir gen
go build -o "${WORK}/bin/" google.golang.org/protobuf/cmd/protoc-gen-go \
  google.golang.org/grpc/cmd/protoc-gen-go-grpc
PATH="${WORK}/bin:${PATH}" protoc -I "${WORK}/protos" --go_out=gen --go_opt=paths=source_relative \
  --go-grpc_out=gen --go-grpc_opt=paths=source_relative "${WORK}"/protos/taskforge/v1/*.proto
go vet ./cmd/client ./cmd/worker
go build -mod=readonly -o "${WORK}/bin/" ./cmd/client ./cmd/worker

start_server
"${WORK}/bin/client" "${ADDRESS}"
"${WORK}/bin/worker" "${ADDRESS}" &
background+=($!)
expect_reverse
