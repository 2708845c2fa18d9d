"""Calls to several servers at the same time, so that a silent server delays no other call."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def answers(questions: Sequence[Callable[[], T]], within_s: float) -> list[T | Exception]:
    """Call every question in a thread of its own, and return what each returned or raised.

    Args:
        questions: Functions that query one server each, and are safe to abandon.
        within_s: Seconds that all of them have together.

    Returns:
        The answers in the order of the questions, with a `TimeoutError` for each question that has
        no answer in time. Its thread does not keep the process from ending.
    """
    found: list[T | Exception] = [
        TimeoutError(f"no answer within {within_s:g} s") for _ in questions
    ]

    def ask(number: int, question: Callable[[], T]) -> None:
        try:
            answer: T | Exception = question()
        except Exception as error:  # noqa: BLE001 - returned to the caller, who judges it
            answer = error
        found[number] = answer

    threads = [
        threading.Thread(target=ask, args=(number, question), daemon=True)
        for number, question in enumerate(questions)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return list(found)
