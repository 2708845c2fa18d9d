"""Apache Kafka: one node that is broker and controller, without ZooKeeper."""

import base64
import hashlib
from pathlib import Path

from streams.stack.artifacts.jars import jars_of
from streams.stack.config import LOOPBACK
from streams.stack.servers import jvm, probes
from streams.stack.servers.render import render_properties, render_xml
from streams.stack.service import InitCommand, LaunchSpec, Memory, ServerPaths, Service

MEMORY = Memory(at_rest=260, heap_start=96, heap_max=384, direct_max=128)

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "auto.create.topics.enable": "false",
    "log.retention.ms": "-1",
    "num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # With a short session a broker that was killed can rejoin at once.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
}


def cluster_id(home: Path) -> str:
    """Return 22 characters that differ between stacks and never change for one home."""
    digest = hashlib.sha256(str(home).encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=").replace("-", "A")


def launch(site: ServerPaths) -> LaunchSpec:
    broker = f"{LOOPBACK}:{site.port('kafka')}"
    controller = f"{LOOPBACK}:{site.port('kafka_controller')}"
    listeners = f"BROKER://{broker},CONTROLLER://{controller}"
    properties = SETTINGS | {
        "controller.quorum.bootstrap.servers": controller,
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(site.data),
    }
    server, log4j = site.folder / "server.properties", site.folder / "log4j2.xml"
    jars = jvm.class_path(jar.path(site.config.cache) for jar in jars_of("kafka"))
    java = (
        *jvm.flags(site, MEMORY),
        f"-Dlog4j2.configurationFile={log4j.as_uri()}",
        "-cp",
        jars,
    )
    storage = ("kafka.tools.StorageTool", "format", "--standalone", "-t")
    return LaunchSpec(
        command=(*java, "kafka.Kafka", str(server)),
        files={
            server: render_properties(properties),
            log4j: render_xml(
                "log4j2.xml",
                path=site.logs / "kafka.log",
                level="WARN",
                megabytes=jvm.LOG_MEGABYTES,
                files=jvm.LOG_FILES,
            ),
        },
        first=InitCommand(
            command=(*java, *storage, cluster_id(site.config.home), "-c", str(server)),
            data=site.data,
            done=site.data / "meta.properties",
        ),
    )


KAFKA = Service(
    name="kafka",
    product="Apache Kafka",
    version="4.3.1",
    image="apache/kafka:4.3.1",
    ports=("kafka", "kafka_controller"),
    settings=SETTINGS,
    memory=MEMORY,
    launch=launch,
    probe=probes.kafka,
    log="kafka.log",
    jars=("kafka",),
)
