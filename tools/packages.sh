# Sourced by tools/quickstart and tools/test: installs the Debian packages that are missing, and says which.
# Usage: install_packages NAME...   Nothing is downloaded when all of them are there.

# What the build needs; optional parts (CUDA Toolkit, DPDK) are used where they are found and never installed.
packages_build="g++ cmake ninja-build pkg-config ccache libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev
  libtomlplusplus-dev libisal-dev libzstd-dev liblzma-dev libbz2-dev liblz4-dev libsqlite3-dev libxxhash-dev libpcap-dev
  libcurl4-openssl-dev libssl-dev libjs-dygraphs tzdata"
# What the tests and benchmarks need on top.
packages_test="libgtest-dev libboost-context-dev libopenblas-dev libdnnl-dev zlib1g-dev sqlite3 python3
  python3-numpy chromium tshark clang-16 libclang-rt-16-dev"

install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "Installing Debian packages: ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "This is not a Debian system. Install the equivalents of: ${missing[*]}" >&2
    return 1
  fi
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Run this as root, or install sudo, or install: ${missing[*]}" >&2; return 1; }
    sudo=(sudo)
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}
