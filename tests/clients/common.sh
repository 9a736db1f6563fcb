# Sourced by the test.sh of each language: a server of its own, and a place outside the source tree.
#   test.sh SERVER_BINARY CLI_BINARY
# shellcheck shell=bash

SERVER_BINARY="$(readlink -f "$1")"
CLI_BINARY="$(readlink -f "$2")"
# What a language installs is kept between runs, beside the binaries.
CLIENTS_CACHE="$(dirname "$(dirname "${SERVER_BINARY}")")/clients"
mkdir -p "${CLIENTS_CACHE}"
WORK="$(mktemp -d "${CLIENTS_CACHE}/run.XXXXXX")"

server_pid=""
background=()

# shellcheck disable=SC2317  # The trap calls it.
clean_up() {
  local status=$? pid
  for pid in "${background[@]}"; do kill "${pid}" 2>/dev/null || true; done
  if [[ -n "${server_pid}" ]]; then
    kill -TERM "${server_pid}" 2>/dev/null || true
    local waited=0
    while kill -0 "${server_pid}" 2>/dev/null && ((waited++ < 150)); do sleep 0.1; done
    kill -KILL "${server_pid}" 2>/dev/null || true
    wait "${server_pid}" 2>/dev/null || true
  fi
  if ((status != 0)) && [[ -s "${WORK}/server.log" ]]; then
    echo "the server's last words:"
    tail -n 20 "${WORK}/server.log"
  fi
  rm -rf "${WORK}"
  exit "${status}"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a server on a free port and sets ADDRESS.
start_server() {
  "${SERVER_BINARY}" serve --grpc-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
    --ready-file "${WORK}/ready" >"${WORK}/server.log" 2>&1 </dev/null &
  server_pid=$!
  local waited=0
  until [[ -s "${WORK}/ready" ]]; do
    if ! kill -0 "${server_pid}" 2>/dev/null || ((waited++ >= 300)); then
      echo "the server did not start" >&2
      return 1
    fi
    sleep 0.1
  done
  ADDRESS="$(sed -n 's/.*"grpc" *: *"\([^"]*\)".*/\1/p' "${WORK}/ready")"
}

# The API, as the command line hands it out.
write_protos() { "${CLI_BINARY}" protos --out "$1" >/dev/null; }

# Runs a task for which a worker in the background is needed, as soon as that is connected.
expect_reverse() {
  local waited=0 output
  until "${CLI_BINARY}" --server "${ADDRESS}" handler get reverse >/dev/null 2>&1; do
    if ((waited++ >= 300)); then
      echo "no worker came" >&2
      return 1
    fi
    sleep 0.1
  done
  output="$("${CLI_BINARY}" --server "${ADDRESS}" run reverse stressed)"
  echo "worker: ${output}"
  [[ "${output}" == desserts ]]
}

# once DIR COMMAND...: fills a directory of the cache, unless that was done before. Only a whole
# one gets its name. Two tests may try at the same time.
once() {
  local directory="$1"
  shift
  exec 9>"${directory}.lock"
  flock 9
  if [[ ! -e "${directory}/.complete" ]]; then
    rm -rf "${directory}"
    mkdir -p "${directory}"
    "$@" "${directory}"
    touch "${directory}/.complete"
  fi
  flock -u 9
}

# The name of a cache directory: it changes with what is installed into it.
key_of() { cat "$@" | sha256sum | cut -c1-16; }
