#!/usr/bin/env bash
# Builds the dashboard (web/dist), or tests it, where Node is there; else says so and lets everything else go on:
# Ratel builds without it.
set -euo pipefail
verb=${1:-build}
cd "$(dirname "$0")/../web"

skip() {
  if [[ -n ${RATEL_WEB_REQUIRED:-} ]]; then
    echo "web: $1" >&2
    exit 1
  fi
  echo "web: $1; the dashboard is left out"
  exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "Node is not installed"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  skip "Node $(node -p process.versions.node) is too old: 20.19 is needed"

# The packages are fetched again only when the lock file says something else.
stamp=node_modules/.ratel-lock
if ! cmp -s package-lock.json "$stamp"; then
  # Not `npm ci`: that wants the packages of all platforms in the lock file. Versions and hashes are the lock file's.
  npm install --no-save --no-audit --no-fund --loglevel=error || skip "its packages could not be fetched"
  cp package-lock.json "$stamp"
fi

case $verb in
  build)
    # Nothing to do where nothing is newer than what was built.
    if [[ -e dist/index.html ]] && [[ -z $(find src public index.html vite.config.ts package-lock.json -newer dist/index.html -print -quit) ]]; then
      exit 0
    fi
    npm run --silent build
    ;;
  test)
    npm run --silent lint
    npm test --silent
    npm run --silent build
    ;;
  *)
    echo "usage: scripts/web.sh [build|test]" >&2
    exit 2
    ;;
esac
