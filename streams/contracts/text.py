"""Rule for the text that an event can carry, shared by writers and readers of events."""


def check_text(text: str) -> None:
    """Raise ValueError if text cannot be written as UTF-8.

    Every other character is allowed: control characters, zero-width and bidirectional ones too.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None
