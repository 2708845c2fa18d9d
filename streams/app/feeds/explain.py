"""`storyline explain`, put together from the settings."""

from streams.app.broker import log_reader, schema_registry
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.verification.explain import ExplainedPost, answer
from streams.verification.log_scan import ProgressReporter


def explained(
    settings: Settings, reader: int, post_id: int, watcher: ProgressReporter
) -> ExplainedPost:
    """Ask the stores, then the log. Raises UserError, StoreUnavailableError."""
    with open_read_side(settings) as side:
        lookup = schema_registry(settings).schema_text
        return answer(side, log_reader(settings), lookup, reader, post_id, watcher)
