"""The event loop that a recording runs on: no threads, no waiting for what cannot come, nothing left behind."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from pulumi.runtime import settings

from slipway.rehearsal.monitor import RecordingError

_PATIENCE: Final = 2.0
"""Seconds for a thread of the program's own to answer; nothing else can wake a loop that has nothing to do."""
_NAMED: Final = 5


class _StuckError(Exception):
    """Everything waits, and nothing can happen any more."""


class _Selector(selectors.DefaultSelector):
    """Raises where asyncio would wait for ever: nothing to do, no timer, and no file but the loop's own."""

    def __init__(self) -> None:
        super().__init__()
        self.patience = _PATIENCE

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        others = len(self.get_map()) > 1 and self.patience > 0
        if timeout is not None or others:
            return super().select(timeout)
        ready = super().select(self.patience)
        if not ready:
            raise _StuckError
        return ready


class _Loop(asyncio.SelectorEventLoop):
    """An event loop without threads: what Pulumi sends to an executor is done at once.

    Threads make recordings flaky (pulumi#7663) and cost more than the calls themselves.
    """

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: object) -> asyncio.Future[Any]:
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def finish(program: Awaitable[None], failures: list[BaseException]) -> None:
    """Run to the end on a loop of its own, and leave no task behind whatever happens.

    Args:
        program: What is run.
        failures: What the program itself raised, which it may still hold when everything else stands still.

    Raises:
        RecordingError: Everything waits for a value that nobody will give.
    """
    selector = _Selector()
    loop = _Loop(selector)
    # After a failure many futures hold exceptions that nobody awaits; the first one is raised, the rest is noise.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(program)
    except _StuckError:
        # A failure leaves others waiting for what it should have given: it is the cause.
        for error in (*failures, *_failed()):
            raise error from None
        raise RecordingError(_explained(loop)) from None
    finally:
        selector.patience = 0
        _cancel(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _cancel(loop: _Loop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if not left:
        return
    try:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    except (_StuckError, asyncio.CancelledError):
        # One refuses to end and waits again: it goes with the loop.
        return


def _failed() -> Iterator[BaseException]:
    """The failures that Pulumi keeps until everything else is done."""
    unhandled = settings._get_rpc_manager().unhandled_exception
    if unhandled is not None:
        yield unhandled
    for output in settings.SETTINGS.outputs:
        if output.done() and not output.cancelled() and (error := output.exception()) is not None:
            yield error


def _explained(loop: _Loop) -> str:
    """Which resources wait."""
    waiting = sorted({name for task in asyncio.all_tasks(loop) for name in _registering(task)})
    more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
    who = f"; waiting for it: {', '.join(waiting[:_NAMED])}{more}" if waiting else ""
    return f"a value never comes (an output without a result, or outputs in a ring){who}"


def _registering(task: "asyncio.Task[Any]") -> Iterator[str]:
    """`type name` of the resource whose registration the task is."""
    inner: Any = task.get_coro()
    while (frame := getattr(inner, "cr_frame", None)) is not None:
        if frame.f_code.co_name == "do_register":
            yield f"{frame.f_locals['ty']} {frame.f_locals['name']}"
        inner = inner.cr_await
