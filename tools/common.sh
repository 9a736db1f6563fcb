# Sourced by the commands of tools/: where the tree is, how a phase is announced and timed, and the
# settings with which a fresh clone at another path still finds its objects in the compiler cache.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
export ROOT

export CCACHE_BASEDIR="${ROOT}"
export CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=time_macros,include_file_mtime,include_file_ctime
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"

say() { printf '== %s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# How many compilers at once: every core, but no more than memory allows (1.5 GiB for each).
build_jobs() {
  local cores memory_kib by_memory
  cores="$(nproc)"
  memory_kib="$(awk '/^MemAvailable/{print $2}' /proc/meminfo)"
  by_memory=$((memory_kib / 1572864))
  if ((by_memory < 1)); then by_memory=1; fi
  echo $((cores < by_memory ? cores : by_memory))
}

# without_aslr COMMAND...: sanitizers' fixed shadow memory collides with the mappings of kernels
# that randomise more bits than the compilers of Debian 12 expect.
without_aslr() {
  if setarch -R true 2>/dev/null; then
    setarch -R "$@"
  else
    "$@"
  fi
}

# The oldest Go whose `go` command fetches the toolchain that a go.mod asks for by itself.
GO_MINOR_NEEDED=21

# Prints the path of a Go that is new enough: the one on the PATH, else one of Debian's backports,
# which lie beside the PATH. Fails if there is none.
find_go() {
  local candidate version
  for candidate in "$(command -v go || true)" /usr/lib/go-1.{29,28,27,26,25,24,23,22,21}/bin/go; do
    if [[ -z "${candidate}" || ! -x "${candidate}" ]]; then continue; fi
    version="$(GOTOOLCHAIN=local "${candidate}" env GOVERSION 2>/dev/null)" || continue
    if [[ "${version}" =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= GO_MINOR_NEEDED)); then
      echo "${candidate}"
      return 0
    fi
  done
  return 1
}
