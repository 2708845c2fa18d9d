"""Interface by which the stack reports progress, so that the command line can draw it."""

from typing import Protocol


class Report(Protocol):
    """Receiver of progress. All calls come from one thread, except those of `downloaded`."""

    def download_started(self, files: int, size: int) -> None:
        """Receive the number and the total bytes of the files that are missing from the cache."""

    def downloaded(self, size: int) -> None:
        """Receive the number of bytes that arrived; negative if a broken part is fetched again."""

    def download_finished(self) -> None:
        """Receive notice that every file is in the cache and checked."""

    def server(self, name: str, state: str, seconds: float) -> None:
        """Receive a server's state and the seconds since it began to start or stop."""

    def note(self, text: str) -> None:
        """Receive a message worth one line."""


class Silent:
    """Report that discards everything."""

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
