"""Apache Cassandra: one node that acknowledges a write only once it would survive a kill."""

from typing import Any

import yaml

from streams.stack.artifacts.jars import jars_of
from streams.stack.config import LOOPBACK
from streams.stack.servers import jvm, probes
from streams.stack.servers.render import render_xml
from streams.stack.service import LaunchSpec, Memory, ServerPaths, Service

MEMORY = Memory(at_rest=420, heap_start=128, heap_max=512, direct_max=256)

SETTINGS = {
    "cluster_name": "storyline",
    "num_tokens": "1",
    "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
    "endpoint_snitch": "SimpleSnitch",
    "storage_compatibility_mode": "NONE",
    "commitlog_sync": "group",
    "commitlog_sync_group_window": "2ms",
    "commitlog_segment_size": "16MiB",
    "commitlog_total_space": "256MiB",
    "memtable_heap_space": "128MiB",
    "memtable_offheap_space": "128MiB",
    "memtable_allocation_type": "offheap_objects",
    # Writers wait for the group's sync, so the rate is bound by writers per window.
    "concurrent_writes": "256",
    "concurrent_reads": "16",
    "concurrent_compactors": "1",
    "memtable_flush_writers": "1",
    "compaction_throughput": "32MiB/s",
    "file_cache_size": "64MiB",
    "key_cache_size": "16MiB",
    "row_cache_size": "0MiB",
    "counter_cache_size": "0MiB",
    "hinted_handoff_enabled": "false",
    "batch_size_warn_threshold": "64KiB",
    "batch_size_fail_threshold": "640KiB",
    "unlogged_batch_across_partitions_warn_threshold": "1000",
    "write_request_timeout": "10s",
    "read_request_timeout": "10s",
    "request_timeout": "20s",
    "auto_snapshot": "false",
}

NESTED: dict[str, Any] = {
    "sstable": {"selected_format": "bti"},
    "memtable": {
        "configurations": {
            "skiplist": {"class_name": "SkipListMemtable"},
            "trie": {"class_name": "TrieMemtable"},
            "default": {"inherits": "trie"},
        }
    },
}

_TIMER_SLACK_NS = 200_000
"""Idle request threads nap for 10 µs at a time until 10 ms have passed; with a later timer they
wake less often, which takes a quarter to a half off the CPU of the server."""

_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
    "jdk.attach/sun.tools.attach",
)
_OPENS = (
    *(
        f"java.base/{package}"
        for package in (
            "java.lang.module",
            "jdk.internal.loader",
            "jdk.internal.ref",
            "jdk.internal.reflect",
            "jdk.internal.math",
            "jdk.internal.module",
            "jdk.internal.util.jar",
            "sun.nio.ch",
            "java.io",
            "java.lang.reflect",
            "java.lang",
            "java.util",
            "java.nio",
        )
    ),
    "jdk.management/com.sun.management.internal",
)
_PROPERTIES = {
    "jdk.attach.allowAttachSelf": "true",
    "io.netty.tryReflectionSetAccessible": "true",
    "io.netty.allocator.useCacheForAllThreads": "true",
    "io.netty.allocator.maxOrder": "11",
    "io.netty.eventLoopThreads": "2",
    # There is no ring to wait for.
    "cassandra.ring_delay_ms": "0",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.superuser_setup_delay_ms": "0",
    "cassandra.shutdown_announce_in_ms": "0",
    "cassandra.available_processors": "2",
}


def _yaml(site: ServerPaths) -> str:
    storage = f"{LOOPBACK}:{site.port('cassandra_storage')}"
    places = {
        "data_file_directories": [str(site.data / "data")],
        "commitlog_directory": str(site.data / "commitlog"),
        "hints_directory": str(site.data / "hints"),
        "saved_caches_directory": str(site.data / "saved_caches"),
        "cdc_raw_directory": str(site.data / "cdc_raw"),
    }
    addresses = {
        "listen_address": LOOPBACK,
        "rpc_address": LOOPBACK,
        "storage_port": site.port("cassandra_storage"),
        "native_transport_port": site.port("cassandra"),
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": storage}],
            }
        ],
    }
    typed = {key: yaml.safe_load(value) for key, value in SETTINGS.items()}
    text: str = yaml.safe_dump(typed | NESTED | places | addresses, sort_keys=False)
    return text


def launch(site: ServerPaths) -> LaunchSpec:
    config, logback = site.folder / "cassandra.yaml", site.folder / "logback.xml"
    properties = _PROPERTIES | {
        "cassandra.config": config.as_uri(),
        "logback.configurationFile": logback.as_uri(),
        "cassandra.storagedir": str(site.data),
        "cassandra.logdir": str(site.logs),
        "jna.tmpdir": str(site.tmp),
    }
    jars = jvm.class_path(jar.path(site.config.cache) for jar in jars_of("cassandra"))
    return LaunchSpec(
        command=(
            *jvm.flags(site, MEMORY),
            *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
            *(f"-D{key}={value}" for key, value in properties.items()),
            "-cp",
            jars,
            "org.apache.cassandra.service.CassandraDaemon",
        ),
        files={
            config: _yaml(site),
            logback: render_xml(
                "logback.xml",
                path=site.logs / "cassandra.log",
                megabytes=jvm.LOG_MEGABYTES,
                files=jvm.LOG_FILES,
            ),
        },
        timer_slack_ns=_TIMER_SLACK_NS,
    )


CASSANDRA = Service(
    name="cassandra",
    product="Apache Cassandra",
    version="5.0.9",
    image="cassandra:5.0.9",
    ports=("cassandra", "cassandra_storage"),
    settings=SETTINGS,
    memory=MEMORY,
    launch=launch,
    probe=probes.cassandra,
    log="cassandra.log",
    jars=("cassandra",),
)
