"""The work of `storyline verify`, with stores and log built from the settings."""

from collections.abc import Sequence

from streams.app.broker import log_reader, schema_registry
from streams.app.read_side import open_read_side
from streams.app.settings import Settings
from streams.app.workers.wait import wait_until_applied
from streams.verification.log_scan import ProgressReporter, Spans
from streams.verification.readers import NamedReaders, Readers, SampledReaders
from streams.verification.verify import VerifiedLine, VerifyResult, verify_feeds


def verify(
    settings: Settings,
    readers: Sequence[int],
    *,
    sample: int,
    seed: int,
    timeout_s: float,
    reporter: ProgressReporter,
) -> VerifyResult:
    """Compare home feeds as they are served with a fold of the log.

    Args:
        settings: Settings that name the stores and the broker.
        readers: Readers whose feeds are compared; if empty, a sample is drawn.
        sample: Number of readers to draw.
        seed: Seed of the sample.
        timeout_s: Seconds to wait until the workers have applied what the log held.
        reporter: Receives progress.

    Raises:
        UserError: no reader can be drawn, a server does not answer, the log's beginning is gone,
            or a group has not applied in `timeout_s` what the log held.
        StoreUnavailableError: Redis does not answer.
    """

    def catch_up(spans: Spans) -> None:
        ends = {(t, p): span.end for t, held in spans.items() for p, span in held.items()}
        wait_until_applied(
            settings, ends, timeout_s=timeout_s, report=lambda what: reporter.stage(what, 0)
        )

    chosen: Readers = NamedReaders(readers) if readers else SampledReaders(sample, seed)
    with open_read_side(settings) as side:
        lookup = schema_registry(settings).schema_text
        return verify_feeds(
            VerifiedLine(log_reader(settings), lookup, side, catch_up), chosen, reporter
        )
