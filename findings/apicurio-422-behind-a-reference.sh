#!/usr/bin/env bash
# A schema version with a reference closes its subject in Apicurio's Confluent API: every later schema is refused.
#
# With a compatibility level other than NONE, Apicurio 2.6.13 accepts an Avro schema that refers to another one. From then
# on it answers 422 "Could not execute compatibility rule on invalid Avro schema" to every schema without references under
# the subject, also to one that is fully compatible: the stored version is parsed without what it refers to. Confluent's
# registry documents 409 for an incompatible schema and 422 for an invalid one; neither is the case.
#
# In addition, an id of 2^31 or more is answered with 404 and error_code 0, not with 40403 "schema not found".
#
# Shows: the answers of apicurio-registry-app 2.6.13.Final on a free port. Needs Java 17, Maven, curl and Python 3.
set -euo pipefail

version=2.6.13.Final
folder=$(mktemp -d)
registry=
trap 'if [ -n "$registry" ]; then kill "$registry" && wait "$registry" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"

mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$folder" >&2
tar -xzf apicurio-registry-app-*-all.tar.gz
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$port REGISTRY_DATASOURCE_URL="jdbc:h2:file:$folder/data" \
  java -Xmx256m -XX:TieredStopAtLevel=1 -jar "$(find "$folder" -name '*-runner.jar')" > registry.log 2>&1 &
registry=$!
api=http://127.0.0.1:$port/apis/ccompat/v7
for _ in $(seq 240); do curl -sf "$api/subjects" > /dev/null && break; sleep 0.5; done

ask() { curl -s -o body -w '%{http_code}' -H 'Content-Type: application/json' "$@"; echo " $(cat body)"; }
whole='{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"n.Kind\",\"symbols\":[\"A\"]}}]}"}'
ask -X PUT "$api/config" -d '{"compatibility": "BACKWARD_TRANSITIVE"}' > /dev/null
ask "$api/subjects/kinds/versions" -d '{"schema": "{\"type\":\"enum\",\"name\":\"n.Kind\",\"symbols\":[\"A\"]}"}' > /dev/null

echo "apicurio-registry-app $version"
echo "the whole schema, empty subject:     $(ask "$api/subjects/free/versions" -d "$whole")"
echo "a schema with a reference:           $(ask "$api/subjects/closed/versions" -d '{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"kind\",\"type\":\"n.Kind\"}]}", "references": [{"name": "n.Kind", "subject": "kinds", "version": 1}]}')"
refused=$(ask "$api/subjects/closed/versions" -d "$whole")
echo "the whole, equal schema behind it:   $refused"
missing=$(ask "$api/schemas/ids/2147483647")
beyond=$(ask "$api/schemas/ids/2147483648")
echo "an unknown id below 2^31:            $missing"
echo "an unknown id of 2^31:               $beyond"
case $refused in 422*"Could not execute compatibility rule"*) ;; *) echo "changed: the subject stays open"; exit 1 ;; esac
case $missing in 404*40403*) ;; *) echo "changed: an unknown id"; exit 1 ;; esac
case $beyond in 404*'"error_code":0'*) ;; *) echo "changed: an id of 2^31"; exit 1 ;; esac
