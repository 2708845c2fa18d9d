"""Apicurio Registry: schemas by id, over the Confluent-compatible API, in a file database."""

from streams.stack.artifacts.archive import folder_of
from streams.stack.artifacts.jars import jars_of
from streams.stack.config import LOOPBACK
from streams.stack.servers import jvm, probes
from streams.stack.service import LaunchSpec, Memory, ServerPaths, Service

MEMORY = Memory(at_rest=220, heap_start=64, heap_max=256)

SETTINGS = {
    "QUARKUS_DATASOURCE_JDBC_INITIAL_SIZE": "2",
    "QUARKUS_DATASOURCE_JDBC_MIN_SIZE": "2",
    "QUARKUS_DATASOURCE_JDBC_MAX_SIZE": "10",
}


def launch(site: ServerPaths) -> LaunchSpec:
    (archive,) = jars_of("registry")
    runner = folder_of(archive, site.config.cache) / (
        f"{archive.artifact}-{archive.version}-runner.jar"
    )
    return LaunchSpec(
        command=(*jvm.flags(site, MEMORY), "-jar", str(runner)),
        files={},
        env=SETTINGS
        | {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(site.port("registry")),
            "REGISTRY_DATASOURCE_URL": f"jdbc:h2:file:{site.data}/registry",
            "QUARKUS_LOG_CONSOLE_ENABLE": "false",
            "QUARKUS_LOG_FILE_ENABLE": "true",
            "QUARKUS_LOG_FILE_PATH": str(site.logs / "registry.log"),
            "QUARKUS_LOG_FILE_ROTATION_MAX_FILE_SIZE": f"{jvm.LOG_MEGABYTES}M",
            "QUARKUS_LOG_FILE_ROTATION_MAX_BACKUP_INDEX": str(jvm.LOG_FILES),
            "QUARKUS_LOG_FILE_ROTATION_ROTATE_ON_BOOT": "false",
        },
    )


REGISTRY = Service(
    name="registry",
    product="Apicurio Registry",
    version="2.6.13.Final",
    image="apicurio/apicurio-registry-mem:2.6.13.Final",
    ports=("registry",),
    settings=SETTINGS,
    memory=MEMORY,
    launch=launch,
    probe=probes.registry,
    log="registry.log",
    jars=("registry",),
)
