#!/usr/bin/env bash
# The Python client, and the Python worker. With `worker_kill` as third argument: that test instead.
set -euo pipefail
HERE="$(dirname "$(readlink -f "$0")")"
# shellcheck source=tests/clients/common.sh
source "${HERE}/../common.sh"

install_packages() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    -r "${HERE}/requirements.txt"
}

venv="${CLIENTS_CACHE}/python-$(key_of "${HERE}/requirements.txt" <(python3 --version))"
once "${venv}" install_packages
python="${venv}/bin/python"

write_protos "${WORK}/protos"
mkdir "${WORK}/gen"
"${python}" -m grpc_tools.protoc -I "${WORK}/protos" --python_out="${WORK}/gen" \
  --grpc_python_out="${WORK}/gen" "${WORK}"/protos/taskforge/v1/*.proto
export PYTHONPATH="${WORK}/gen" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

start_server
if [[ "${3:-}" == worker_kill ]]; then
  "${python}" "${HERE}/worker_kill_test.py" "${ADDRESS}"
else
  "${python}" "${HERE}/client.py" "${ADDRESS}"
  "${python}" "${HERE}/example_worker.py" "${ADDRESS}" &
  background+=($!)
  expect_reverse
fi
