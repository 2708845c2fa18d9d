"""What the stack tells while it works, so that the command line can draw it."""

from typing import Protocol


class Report(Protocol):
    """Receives progress. Calls come from one thread except `downloaded`."""

    def download_started(self, files: int, size: int) -> None:
        """So many files and bytes are missing from the cache."""

    def downloaded(self, size: int) -> None:
        """So many more bytes are here; negative when a broken part is fetched anew."""

    def download_finished(self) -> None:
        """Everything is here and checked."""

    def server(self, name: str, state: str, seconds: float) -> None:
        """A server's state and for how long it has been coming up or going down."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """Tells nobody."""

    def download_started(self, files: int, size: int) -> None:
        pass

    def downloaded(self, size: int) -> None:
        pass

    def download_finished(self) -> None:
        pass

    def server(self, name: str, state: str, seconds: float) -> None:
        pass

    def note(self, text: str) -> None:
        pass
