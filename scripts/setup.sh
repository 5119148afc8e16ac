#!/usr/bin/env bash
# Installs what building needs beside Rust: a C++ compiler, cmake and Boost's headers (for vectorscan).
# `setup.sh tests` adds the servers and tools that tests start on loopback and in their own network
# namespaces. Where those can't be installed the tests that want them say that they are skipped.
set -euo pipefail

# Installs packages of Debian; daemons among them are not started. Fails when it can't.
install() {
  if ! command -v apt-get >/dev/null; then
    echo "setup: please install: $* (names of Debian's packages)" >&2
    return 1
  fi
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || { echo "setup: run as root, or install: $*" >&2; return 1; }
    as_root=(sudo)
  fi
  echo "setup: installing $*"
  "${as_root[@]}" apt-get update -qq || return 1
  # Packages ask this program whether their daemons may start (Debian's policy for invoke-rc.d).
  local policy=/usr/sbin/policy-rc.d made= status=0
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made=1
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=1
  [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"
  return $status
}

missing=()
if [[ ${1:-} == tests ]]; then
  command -v ip >/dev/null || missing+=(iproute2)
  command -v nft >/dev/null || missing+=(nftables)
  command -v iptables >/dev/null || missing+=(iptables)
  command -v ipset >/dev/null || missing+=(ipset)
  command -v conntrack >/dev/null || missing+=(conntrack)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v promtool >/dev/null || missing+=(prometheus)
  command -v prometheus-alertmanager >/dev/null || missing+=(prometheus-alertmanager)
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  [[ ${#missing[@]} -eq 0 ]] || install "${missing[@]}" ||
    echo "setup: tests that need ${missing[*]} will be skipped" >&2
  exit 0
fi

command -v c++ >/dev/null || missing+=(g++)
command -v cmake >/dev/null || missing+=(cmake)
command -v make >/dev/null || missing+=(make)
command -v pkg-config >/dev/null || missing+=(pkg-config)
[[ -e /usr/include/boost/version.hpp ]] || missing+=(libboost-dev)
if ! command -v cargo >/dev/null && [[ ! -x $HOME/.cargo/bin/cargo ]]; then
  echo "setup: Rust is missing: install it from https://rustup.rs and come back" >&2
  exit 1
fi
[[ ${#missing[@]} -eq 0 ]] || install "${missing[@]}"
