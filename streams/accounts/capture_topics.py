"""Creation of the change stream's topics, before the connector so that readers find them."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streams.accounts.connector import PARTITIONS, Capture, side_topic_config, topic_config
from streams.errors import UserError

_CONNECT_S: Final = 5.0
_TIMEOUT_S: Final = 20.0


def create_topics(bootstrap: str, capture: Capture, replication_factor: int = -1) -> None:
    """Create the topics of the change stream that are missing.

    Args:
        bootstrap: Address of the broker.
        capture: The captured database.
        replication_factor: Number of replicas; -1 for the broker's default.

    Raises:
        UserError: The broker does not answer, or refuses to create a topic.
    """
    changes = NewTopic(
        capture.topic,
        num_partitions=PARTITIONS,
        replication_factor=replication_factor,
        config=topic_config(),
    )
    side_topics = [
        NewTopic(
            name,
            num_partitions=1,
            replication_factor=replication_factor,
            config=side_topic_config(),
        )
        for name in capture.side_topics
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        existing = admin.list_topics(timeout=_CONNECT_S).topics
        missing = [topic for topic in (changes, *side_topics) if topic.topic not in existing]
        answers = admin.create_topics(missing, request_timeout=_TIMEOUT_S) if missing else {}
        for name, answer in answers.items():
            _unless_there(name, answer.exception(_TIMEOUT_S))
    except KafkaException as error:
        raise UserError(
            f"the Kafka broker at {bootstrap} does not answer: {error.args[0].str()}",
            hint="start the local servers with: storyline up",
        ) from error


def _unless_there(name: str, error: BaseException | None) -> None:
    if not isinstance(error, KafkaException):
        if error is not None:
            raise error
        return
    reason = error.args[0]
    if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return
    if reason.retriable() or reason.code() < 0:
        raise error
    raise UserError(
        f"the broker refused to create {name}: {reason.str()}",
        hint="check that this user may create topics, and that there are enough brokers",
    ) from error
