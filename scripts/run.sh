#!/usr/bin/env bash
# Watches this host with the binary that is named, where it may capture; else says what it needs.
set -euo pipefail
ratel=$1

if [[ $(id -u) -ne 0 ]] && ! getcap "$ratel" 2>/dev/null | grep -q cap_net_raw; then
  cat <<TEXT
Ratel is built: $ratel

Capturing needs rights that you don't have. Either of:
  sudo make run                                              watch this host; answers are only told
  sudo setcap cap_net_raw,cap_net_admin+ep $ratel
  sudo $ratel demo    a lab of network namespaces, attacked for real

Without rights Ratel reads captures: make read
TEXT
  exit 0
fi
mkdir -p target/ratel
cat <<TEXT
The dashboard stands at https://127.0.0.1:9443 (user admin; the password is told below, once, at the first start).
Ratel watches this host until you press Ctrl-C; answers are only told, nothing is changed. In another terminal:
  $ratel status --socket target/ratel/ratel.sock     how it fares
  $ratel actions list --socket target/ratel/ratel.sock     what it would have done
  tail -f target/ratel/eve.json                            what it sees
  $ratel demo                                              a lab in which it is attacked

TEXT
exec "$ratel" up -c examples/ratel.yaml
