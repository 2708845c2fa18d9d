#!/usr/bin/env bash
# Apicurio's Java serde "as Confluent" writes an id that Apicurio's own Confluent API does not know.
#
# With apicurio.registry.as-confluent=true (headers off) the serde 2.6.13 writes Confluent's frame, 0x00 and four bytes. The
# id in it is the *global* id, the default of apicurio.registry.use-id. The Confluent API of the same registry takes the
# number for a *content* id. The two are equal until a subject gets a text that another subject has already; from then on
# Confluent's clients cannot read what the serde writes. apicurio.registry.use-id=contentId cures it.
#
# Shows: the frame of both settings, and what the Confluent API has under each id. Needs a JDK 17, Maven, curl, Python 3.
set -euo pipefail

version=2.6.13.Final
folder=$(mktemp -d)
registry=
trap 'if [ -n "$registry" ]; then kill "$registry" && wait "$registry" || true; fi; rm -rf "$folder"' EXIT
cd "$folder"

cat > pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.apicurio</groupId>
      <artifactId>apicurio-registry-serdes-avro-serde</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
</project>
POM
cat > Frame.java <<'JAVA'
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

public class Frame {
    public static void main(String[] args) {
        var schema = SchemaBuilder.record("Followed").fields().requiredLong("id").endRecord();
        GenericRecord event = new GenericData.Record(schema);
        event.put("id", 1L);
        try (var serializer = new AvroKafkaSerializer<GenericRecord>()) {
            serializer.configure(Map.of("apicurio.registry.url", args[0], "apicurio.registry.find-latest", "true",
                "apicurio.registry.artifact.artifact-id", "followed", "apicurio.registry.headers.enabled", "false",
                "apicurio.registry.as-confluent", "true", "apicurio.registry.use-id", args[1]), false);
            System.out.println(HexFormat.of().formatHex(serializer.serialize("t", event)));
        }
    }
}
JAVA
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime >&2
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" -DoutputDirectory="$folder" >&2
tar -xzf apicurio-registry-app-*-all.tar.gz
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$port REGISTRY_DATASOURCE_URL="jdbc:h2:file:$folder/data" \
  java -Xmx256m -XX:TieredStopAtLevel=1 -jar "$(find "$folder" -name '*-runner.jar')" > registry.log 2>&1 &
registry=$!
origin=http://127.0.0.1:$port
api=$origin/apis/ccompat/v7
for _ in $(seq 240); do curl -sf "$api/subjects" > /dev/null && break; sleep 0.5; done

register() {
  curl -sf -H 'Content-Type: application/json' "$api/subjects/$1/versions" \
    -d "{\"schema\": \"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"$2\\\",\\\"fields\\\":[{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"}]}\"}" > /dev/null
}
register elsewhere Followed
register followed Followed   # one text, two subjects: one content id, two global ids

echo "apicurio-registry-app and apicurio-registry-serdes-avro-serde $version"
for kind in globalId contentId; do
  frame=$(java -cp 'target/dependency/*' Frame.java "$origin/apis/registry/v2" "$kind" 2> serde.log) || { cat serde.log; exit 1; }
  status=$(curl -s -o body -w '%{http_code}' "$api/schemas/ids/$((16#${frame:2:8}))")
  echo "use-id=$kind: frame $frame; its id in the Confluent API: $status $(cut -c 1-90 body)"
  case $kind:$status in
    globalId:404 | contentId:200) ;;
    *) echo "changed: the id is answered with $status"; exit 1 ;;
  esac
done
