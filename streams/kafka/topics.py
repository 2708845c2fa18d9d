"""Topics as their files describe them: comparison with a broker, and application to it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.contracts.catalog import captured_topics, internal_topics, topics
from streams.errors import UserError

_CONNECT_S: Final = 5.0
_TIMEOUT_S: Final = 20.0
_BROKERS_DEFAULT: Final = -1


class TopicAction(StrEnum):
    """Action that a topic needs: to be created, altered, or refused."""

    CREATE = "create"
    ALTER = "alter"
    REFUSE = "refuse"


class Change(NamedTuple):
    """One setting: its actual value (`None` if the topic is missing) and the wanted one."""

    setting: str
    actual: str | None
    wanted: str


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """Difference of a topic from its description."""

    topic: str
    action: TopicAction
    changes: tuple[Change, ...]


class TopicConfig(NamedTuple):
    """Partition count and settings of a topic as described."""

    partitions: int
    config: Mapping[str, str]


class BrokerUnavailableError(UserError):
    """Error of a broker that does not answer."""


def described_topics() -> dict[str, TopicConfig]:
    """Return the descriptions of the catalogue's topics and of their dead letter topics."""
    described: dict[str, TopicConfig] = {}
    for spec in (
        *topics().values(),
        *captured_topics().values(),
        *internal_topics().values(),
    ):
        described[spec.name] = TopicConfig(spec.partitions, spec.config)
        if spec.dlq_retention_ms is not None:
            described[spec.dlq] = TopicConfig(spec.partitions, spec.dlq_config)
    return described


class Topics:
    """The topics of the broker at `bootstrap`. Methods raise BrokerUnavailableError."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def diff(self) -> list[TopicDifference]:
        """Return how the broker's topics differ from the catalogue; ignore other topics."""
        try:
            partitions = {
                name: len(topic.partitions)
                for name, topic in self._admin.list_topics(timeout=_CONNECT_S).topics.items()
            }
            described = described_topics()
            present = [name for name in described if name in partitions]
            configs = self._configs(present)
        except KafkaException as error:
            raise self._unavailable(error) from error
        found = (
            _compare(name, spec, partitions.get(name), configs.get(name, {}))
            for name, spec in described.items()
        )
        return [difference for difference in found if difference is not None]

    def apply(self, replication_factor: int = _BROKERS_DEFAULT) -> list[TopicDifference]:
        """Create and alter topics until `diff` is empty; return the differences that it removed.

        Args:
            replication_factor: Number of replicas of new topics; `-1` leaves it to the broker.

        Raises:
            UserError: An existing topic has another number of partitions, raised before anything
                is changed because keys would move; or the broker refuses a change.
            BrokerUnavailableError: The broker does not answer.
        """
        differences = self.diff()
        _refuse(differences)
        described = described_topics()
        creations = [
            NewTopic(
                name,
                num_partitions=described[name].partitions,
                replication_factor=replication_factor,
                config=dict(described[name].config),
            )
            for name in _of(differences, TopicAction.CREATE)
        ]
        alterations = [
            _alteration(difference)
            for difference in differences
            if difference.action is TopicAction.ALTER
        ]
        try:
            if creations:
                self._wait(self._admin.create_topics(creations, request_timeout=_TIMEOUT_S))
            if alterations:
                self._wait(
                    self._admin.incremental_alter_configs(alterations, request_timeout=_TIMEOUT_S)
                )
        except KafkaException as error:
            if error.args[0].code() < 0:  # a code of the client: there was no answer
                raise self._unavailable(error) from error
            raise UserError(
                f"the broker refused: {error.args[0].str()}",
                hint="check that this user may create topics, and that there are enough brokers",
            ) from error
        return differences

    def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        answers = self._admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
        return {
            resource.name: {key: entry.value for key, entry in answer.result(_TIMEOUT_S).items()}
            for resource, answer in answers.items()
        }

    @staticmethod
    def _wait(answers: Mapping[Any, "Future[Any]"]) -> None:
        for answer in answers.values():
            answer.result()  # the request has a time limit

    def _unavailable(self, error: KafkaException) -> BrokerUnavailableError:
        return BrokerUnavailableError(
            f"the Kafka broker at {self._bootstrap} does not answer: {error.args[0].str()}",
            hint="Start the local servers with: storyline up",
        )


def _compare(
    name: str, spec: TopicConfig, partitions: int | None, config: Mapping[str, str]
) -> TopicDifference | None:
    if partitions is None:
        settings = {"partitions": str(spec.partitions), **spec.config}
        changes = tuple(Change(key, None, value) for key, value in settings.items())
        return TopicDifference(name, TopicAction.CREATE, changes)
    if partitions != spec.partitions:
        change = Change("partitions", str(partitions), str(spec.partitions))
        return TopicDifference(name, TopicAction.REFUSE, (change,))
    changes = tuple(
        Change(key, config.get(key), value)
        for key, value in spec.config.items()
        if config.get(key) != value
    )
    return TopicDifference(name, TopicAction.ALTER, changes) if changes else None


def _refuse(differences: Sequence[TopicDifference]) -> None:
    for difference in differences:
        if difference.action is TopicAction.REFUSE:
            (change,) = difference.changes
            raise UserError(
                f"{difference.topic} has {change.actual} partitions, its description says "
                f"{change.wanted}: the partition count of a kept topic never changes",
                hint="Correct avro/topics, or move the events to a topic of another name.",
            )


def _of(differences: Sequence[TopicDifference], action: TopicAction) -> list[str]:
    return [difference.topic for difference in differences if difference.action is action]


def _alteration(difference: TopicDifference) -> ConfigResource:
    return ConfigResource(
        ResourceType.TOPIC,
        difference.topic,
        incremental_configs=[
            ConfigEntry(change.setting, change.wanted, incremental_operation=AlterConfigOpType.SET)
            for change in difference.changes
        ],
    )
