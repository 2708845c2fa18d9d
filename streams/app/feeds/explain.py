"""The work of `storyline explain`, with stores and log built from the settings."""

from streams.app.broker import log_reader, schema_registry
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.verification.explain import ExplainedPost, answer
from streams.verification.log_scan import ProgressReporter


def explained(
    settings: Settings, reader: int, post_id: int, reporter: ProgressReporter
) -> ExplainedPost:
    """Explain from the stores, then from the log, why a post is in a home feed or is not.

    Args:
        settings: Settings that name the stores and the broker.
        reader: User whose home feed is explained.
        post_id: The post.
        reporter: Receives the progress of the scan of the log.

    Raises:
        UserError: a store or the broker is missing or not set up.
        StoreUnavailableError: a store does not answer.
    """
    with open_read_side(settings) as side:
        lookup = schema_registry(settings).schema_text
        return answer(side, log_reader(settings), lookup, reader, post_id, reporter)
