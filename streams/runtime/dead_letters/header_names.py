"""Names of the headers of dead letters and of replayed records."""

_CONNECT = "__connect.errors."
TOPIC_HEADER = f"{_CONNECT}topic"
PARTITION_HEADER = f"{_CONNECT}partition"
OFFSET_HEADER = f"{_CONNECT}offset"
STAGE_HEADER = f"{_CONNECT}stage"
STEP_HEADER = f"{_CONNECT}class.name"
ERROR_HEADER = f"{_CONNECT}exception.class.name"
MESSAGE_HEADER = f"{_CONNECT}exception.message"
CODE_HEADER = "storyline.error.code"
GROUP_HEADER = "storyline.consumer.group"
POSITION_HEADERS = (TOPIC_HEADER, PARTITION_HEADER, OFFSET_HEADER)
ERROR_HEADERS = (
    *POSITION_HEADERS,
    STAGE_HEADER,
    STEP_HEADER,
    ERROR_HEADER,
    MESSAGE_HEADER,
    CODE_HEADER,
    GROUP_HEADER,
)
"""Headers that a dead letter adds, in this order: Kafka Connect's and two of Storyline's."""

_DLQ = "storyline.dlq."
ORIGIN_HEADER = f"{_DLQ}origin"
FIRST_SEEN_HEADER = f"{_DLQ}first_seen"
ATTEMPTS_HEADER = f"{_DLQ}attempts"
ATTEMPT_HEADERS = (ORIGIN_HEADER, FIRST_SEEN_HEADER, ATTEMPTS_HEADER)
"""Headers that a replay adds."""
