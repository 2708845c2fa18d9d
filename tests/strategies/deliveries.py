"""How events may reach the pipeline: in any order, cut anywhere, repeated at any time."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.oracle.validity import Event


@st.composite
def deliveries(draw: DrawFn, events: list[Event]) -> list[list[Event]]:
    """Polls that deliver every event at least once, some of them again, some polls again."""
    if not events:
        return []
    again = draw(st.lists(st.sampled_from(events), max_size=len(events)))
    order = draw(st.permutations([*events, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=8)) | {len(order)})
    polls = [order[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    return polls + draw(st.lists(st.sampled_from(polls), max_size=3))
