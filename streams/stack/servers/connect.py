"""Kafka Connect: one distributed worker that runs Debezium, exactly once."""

from streams.stack.artifacts.jars import jars_of
from streams.stack.config import LOOPBACK
from streams.stack.servers import jvm, plugins, probes
from streams.stack.servers.render import render_properties, render_xml
from streams.stack.service import LaunchSpec, Memory, ServerPaths, Service

MEMORY = Memory(at_rest=220, heap_start=64, heap_max=384)

SETTINGS = {
    "group.id": "storyline-connect",
    "plugin.discovery": "service_load",
    # Converters of the worker itself; connectors name their own.
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
    "config.storage.topic": "_connect.configs",
    "config.storage.replication.factor": "1",
    "offset.storage.topic": "_connect.offsets",
    "offset.storage.replication.factor": "1",
    "offset.storage.partitions": "1",
    "status.storage.topic": "_connect.status",
    "status.storage.replication.factor": "1",
    "status.storage.partitions": "1",
    "offset.flush.interval.ms": "1000",
    "scheduled.rebalance.max.delay.ms": "0",
    "exactly.once.source.support": "enabled",
    "topic.creation.enable": "true",
    "connector.client.config.override.policy": "All",
}


def launch(site: ServerPaths) -> LaunchSpec:
    port = str(site.port("connect"))
    worker, log4j = site.folder / "connect.properties", site.folder / "log4j2.xml"
    properties = SETTINGS | {
        "bootstrap.servers": f"{LOOPBACK}:{site.port('kafka')}",
        "listeners": f"http://{LOOPBACK}:{port}",
        "rest.advertised.host.name": LOOPBACK,
        "rest.advertised.port": port,
        "plugin.path": str(site.folder / "plugins"),
    }
    jars = jvm.class_path(jar.path(site.config.cache) for jar in jars_of("kafka"))
    return LaunchSpec(
        command=(
            *jvm.flags(site, MEMORY),
            f"-Dlog4j2.configurationFile={log4j.as_uri()}",
            "-cp",
            jars,
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(worker),
        ),
        files={
            worker: render_properties(properties),
            log4j: render_xml(
                "log4j2.xml",
                path=site.logs / "connect.log",
                level="INFO",
                megabytes=jvm.LOG_MEGABYTES,
                files=jvm.LOG_FILES,
            ),
        },
    )


def install(site: ServerPaths) -> None:
    plugins.lay_out(site.config.cache, site.folder / "plugins")


CONNECT = Service(
    name="connect",
    product="Kafka Connect",
    version="4.3.1",
    image="storyline-connect:4.3.1",
    ports=("connect",),
    settings=SETTINGS,
    memory=MEMORY,
    launch=launch,
    probe=probes.connect,
    log="connect.log",
    jars=("kafka", *plugins.SECTIONS),
    # Connect itself waits for Kafka, for a minute at a time: both are up sooner in parallel.
    uses=("kafka", "registry", "postgres"),
    install=install,
)
