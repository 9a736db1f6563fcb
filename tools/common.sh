# Sourced by the commands of tools/: where the tree is, how a command says what it does, and the
# settings with which a fresh clone at another path still finds its objects in the compiler cache.
# shellcheck shell=bash

ROOT="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
export ROOT
# The command that sources this, wherever it goes from here.
SELF="$(readlink -f "$0")"

export CCACHE_BASEDIR="${ROOT}"
export CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=time_macros,include_file_mtime,include_file_ctime
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"

say() { printf '== %s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Prints the comment at the top of the command: its usage.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${SELF}"; }
# For a call that it does not understand.
wrong_usage() {
  usage >&2
  exit 2
}

# configure TREE OPTION...: configures a preset; prints what CMake said only if it failed. Called
# from the root.
configure() {
  local tree="$1" log="build/configure-$1.log"
  shift
  mkdir -p build
  if cmake --preset "${tree}" "$@" >"${log}" 2>&1; then return 0; fi
  cat "${log}" >&2
  echo "could not configure build/${tree}: above is what CMake said (${log})" >&2
  return 1
}

# without_tests TREE: the option with which a command that runs no test configures a tree. One that
# tools/test configured keeps its tests; a new one does without them, and without what they need.
without_tests() {
  if [[ ! -e "build/$1/CMakeCache.txt" ]]; then echo -DTASKFORGE_BUILD_TESTS=OFF; fi
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
