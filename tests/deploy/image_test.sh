#!/usr/bin/env bash
# Builds the image of the Dockerfile and runs it as it is meant to run: as its own user, with a
# read-only root and no capabilities, and called from another network namespace.
# Needs root and the packages of `tools/install image`; no container daemon and no registry: the
# base image is made by debootstrap. Takes a few minutes.
# Usage: image_test.sh ROOT
set -euo pipefail

root="$(cd "$1" && pwd)"
readonly IMAGE=localhost/taskforge:test BASE=docker.io/library/debian:bookworm-slim
readonly SERVER_NAMESPACE="tf-server-$$" CLIENT_NAMESPACE="tf-client-$$"
readonly SERVER_ADDRESS=10.231.7.1 CLIENT_ADDRESS=10.231.7.2
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
work="$(mktemp -d "${TMPDIR:-/tmp}/taskforge-image.XXXXXX")"
server=""

say() { printf '== %s\n' "$*"; }
fail() {
  printf 'image_test: %s\n' "$*" >&2
  if [[ -e "${work}/server.log" ]]; then tail -n 20 "${work}/server.log" >&2; fi
  exit 1
}

# shellcheck disable=SC2317  # The trap calls it.
clean_up() {
  if [[ -n "${server}" ]]; then kill -TERM "${server}" 2>/dev/null || true; fi
  wait 2>/dev/null || true
  ip netns del "${CLIENT_NAMESPACE}" 2>/dev/null || true
  ip netns del "${SERVER_NAMESPACE}" 2>/dev/null || true
  umount "${work}/image/var/lib/taskforge" "${work}/image/proc" "${work}/image" 2>/dev/null || true
  if [[ -n "${container:-}" ]]; then buildah rm "${container}" >/dev/null 2>&1 || true; fi
  rm -rf --one-file-system "${work}"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
((EUID == 0)) || fail "needs root: it makes a base image and network namespaces"

# The base image, with this machine's package sources: they are what it may reach.
make_base() {
  if buildah inspect --type image "${BASE}" >/dev/null 2>&1; then return; fi
  say "base image with debootstrap"
  debootstrap --variant=minbase bookworm "${work}/base" >"${work}/debootstrap.log" 2>&1 ||
    fail "debootstrap: $(tail -n 3 "${work}/debootstrap.log")"
  local path
  rm -f "${work}/base/etc/apt/sources.list"
  for path in etc/apt/sources.list etc/apt/sources.list.d/debian.sources etc/apt/apt.conf.d; do
    if [[ -e "/${path}" ]]; then cp -rL "/${path}" "${work}/base/$(dirname "${path}")/"; fi
  done
  rm -rf "${work}/base/var/lib/apt/lists" "${work}"/base/var/cache/apt/archives/*.deb
  mkdir -p "${work}/base/var/lib/apt/lists/partial"
  local from_scratch
  from_scratch="$(buildah from scratch)"
  buildah add -q "${from_scratch}" "${work}/base" / >/dev/null
  buildah commit -q "${from_scratch}" "${BASE}" >/dev/null
  buildah rm "${from_scratch}" >/dev/null
  rm -rf "${work}/base"
}

# Two network namespaces joined by a cable: a server and a machine that calls it.
make_network() {
  ip netns add "${SERVER_NAMESPACE}"
  ip netns add "${CLIENT_NAMESPACE}"
  ip -n "${SERVER_NAMESPACE}" link add cable type veth peer name cable netns "${CLIENT_NAMESPACE}"
  ip -n "${SERVER_NAMESPACE}" addr add "${SERVER_ADDRESS}/30" dev cable
  ip -n "${CLIENT_NAMESPACE}" addr add "${CLIENT_ADDRESS}/30" dev cable
  local namespace
  for namespace in "${SERVER_NAMESPACE}" "${CLIENT_NAMESPACE}"; do
    ip -n "${namespace}" link set lo up
    ip -n "${namespace}" link set cable up
  done
}

from_the_client() { ip netns exec "${CLIENT_NAMESPACE}" "$@"; }

# What the image says about itself.
config_of() { buildah inspect --type image "${IMAGE}" | jq -c ".Docker.config.$1"; }

make_base
say "image"
buildah bud --layers --isolation chroot --pull-never --format docker -q -t "${IMAGE}" "${root}" >"${work}/build.log" 2>&1 ||
  fail "the image does not build: $(tail -n 20 "${work}/build.log")"

say "what it says about itself"
uid="$(config_of User | tr -d '"' | cut -d: -f1)"
[[ "${uid}" =~ ^[1-9][0-9]*$ ]] || fail "the user is \"${uid}\", not a number other than 0"
[[ "$(config_of Entrypoint)" == '["taskforged"]' ]] || fail "entry point: $(config_of Entrypoint)"
[[ "$(config_of StopSignal)" == '"SIGTERM"' ]] || fail "stop signal: $(config_of StopSignal)"
[[ "$(config_of Volumes)" == '{"/var/lib/taskforge":{}}' ]] || fail "volumes: $(config_of Volumes)"
[[ "$(config_of Healthcheck.Test)" == '["CMD","taskforged","health"]' ]] ||
  fail "health check: $(config_of Healthcheck.Test)"
[[ "$(config_of Labels)" == *org.opencontainers.image.licenses* ]] || fail "no OCI labels"
mapfile -t arguments < <(config_of Cmd | tr -d '[]"' | tr ',' '\n')
mapfile -t environment < <(buildah inspect --type image "${IMAGE}" | jq -r '.Docker.config.Env[]')

say "run it: user ${uid}, read-only root"
container="$(buildah from --pull-never "${IMAGE}")"
mkdir -p "${work}/image"
mount --bind "$(buildah mount "${container}")" "${work}/image"
mount -o remount,bind,ro "${work}/image"
mount -t proc proc "${work}/image/proc"
mount -t tmpfs -o "uid=${uid},gid=${uid},mode=0750" tmpfs "${work}/image/var/lib/taskforge"
if touch "${work}/image/probe" 2>/dev/null; then fail "the root is writable"; fi
make_network

env "${environment[@]}" ip netns exec "${SERVER_NAMESPACE}" \
  chroot --userspec="${uid}:${uid}" --groups= "${work}/image" taskforged "${arguments[@]}" >"${work}/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
  if from_the_client curl -sf -o /dev/null "http://${SERVER_ADDRESS}:7481/readyz"; then break; fi
  kill -0 "${server}" 2>/dev/null || fail "the server ended"
  sleep 0.1
done

say "ask it from another network namespace"
status="/proc/$(pgrep -P "${server}" -n taskforged || echo "${server}")/status"
grep -qE "^Uid:\s+${uid}\s+${uid}" "${status}" || fail "it runs as $(grep ^Uid: "${status}")"
grep -qE '^CapEff:\s+0+$' "${status}" || fail "it has capabilities: $(grep ^CapEff: "${status}")"
output="$(from_the_client chroot --userspec="${uid}:${uid}" "${work}/image" \
  taskforge --server "${SERVER_ADDRESS}:7480" run echo "hello from next door")" || fail "RunTask: ${output}"
[[ "${output}" == *"hello from next door"* ]] || fail "RunTask printed: ${output}"
metrics="$(from_the_client curl -sf "http://${SERVER_ADDRESS}:7481/metrics")" || fail "no /metrics"
[[ "${metrics}" == *taskforge_build_info* ]] || fail "/metrics has no taskforge_build_info"
env "${environment[@]}" ip netns exec "${SERVER_NAMESPACE}" \
  chroot --userspec="${uid}:${uid}" "${work}/image" taskforged health ||
  fail "the health check of the image fails"

say "stop it"
kill -TERM "${server}"
status=0
wait "${server}" || status=$?
server=""
((status == 0)) || fail "SIGTERM ended it with ${status}"
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' "${IMAGE}"
echo "1 passed, 0 failed"
