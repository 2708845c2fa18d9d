#!/usr/bin/env bash
# Apicurio's TopicRecordIdStrategy does not name schemas as Confluent's TopicRecordNameStrategy does.
#
# Both strategies are said to be of "topic and record". For a record social.v1.PostCreated in the topic t, Confluent's
# subject is `t-social.v1.PostCreated`. Apicurio's is the artifact `t-PostCreated` in the *group* `social.v1`. The
# registry's Confluent API shows the default group only, so a producer with this strategy and Confluent's frame either
# finds no schema there (registration off), or registers a second one that no Confluent client lists (registration on).
#
# Shows: the names that the strategy of apicurio-registry-serdes-avro-serde 2.6.13.Final gives. Needs a JDK and Maven.
set -euo pipefail

version=2.6.13.Final
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
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
cat > Names.java <<'JAVA'
import io.apicurio.registry.resolver.ParsedSchemaImpl;
import io.apicurio.registry.serde.avro.strategy.TopicRecordIdStrategy;
import io.apicurio.registry.serde.data.KafkaSerdeMetadata;
import io.apicurio.registry.serde.data.KafkaSerdeRecord;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;

public class Names {
    public static void main(String[] args) {
        Schema schema = SchemaBuilder.record("PostCreated").namespace("social.v1").fields().requiredLong("id").endRecord();
        var data = new KafkaSerdeRecord<Object>(new KafkaSerdeMetadata("t", false, null), new Object());
        var name = new TopicRecordIdStrategy().artifactReference(data, new ParsedSchemaImpl<Schema>().setParsedSchema(schema));
        System.out.println("group=" + name.getGroupId() + " artifact=" + name.getArtifactId());
    }
}
JAVA
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime >&2

echo "apicurio-registry-serdes-avro-serde $version"
seen=$(java -cp 'target/dependency/*' Names.java 2>/dev/null)
echo "seen:                          $seen"
echo "as Confluent names the subject: t-social.v1.PostCreated"
[ "$seen" = "group=social.v1 artifact=t-PostCreated" ] || { echo "changed: the strategy names schemas otherwise now"; exit 1; }
