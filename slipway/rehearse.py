"""Rehearse environments: three recordings of each, compared and checked."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway import output, planning
from slipway.plan.checks import check
from slipway.plan.compare import compare
from slipway.plan.model import Plan
from slipway.plan.summary import Summary, summary
from slipway.stackfile import StackFile

_HASH_SEED: Final = "PYTHONHASHSEED"
_OTHER_IDS: Final = 1
_ONCE: Final = 1


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What a rehearsal of one environment found: the plan of an `up`, and every fault as a line of text."""

    file: StackFile
    plan: Plan
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An environment that cannot be rehearsed, and why."""

    file: StackFile
    message: str


def rehearse(files: Sequence[StackFile]) -> Iterator[Rehearsal | Refusal]:
    """Rehearse environments one after the other.

    Each is recorded as a preview, as an `up`, and, in another process with another hash seed, as an `up` in an account
    with other ids. All three must register the same resources with the same inputs, ids aside, and the graph must be
    sound.

    Args:
        files: The environments.

    Yields:
        One result per environment, in order, as soon as it is there.
    """
    if not files:
        return
    with _elsewhere() as pool:
        with _deaf():
            others = [pool.submit(_elsewhere_recorded, file) for file in files]
        for file, other in zip(files, others, strict=True):
            yield _one(file, other)


def _one(file: StackFile, other: "Future[Plan | str]") -> Rehearsal | Refusal:
    try:
        plan = planning.record(file)
        preview = planning.record(file, preview=True)
    except Exception as error:
        message = planning.refusal(error)
        if message is None:
            raise
        return Refusal(file=file, message=message)
    elsewhere = other.result()
    if isinstance(elsewhere, str):
        return Refusal(file=file, message=f"with other ids: {elsewhere}")
    faults = [f"graph: {finding}" for finding in check(plan)]
    faults += [f"preview and up differ: {difference}" for difference in compare(preview, plan)]
    faults += [f"two ups with different ids differ: {difference}" for difference in compare(plan, elsewhere)]
    return Rehearsal(file=file, plan=plan, faults=tuple(faults))


def _elsewhere_recorded(file: StackFile) -> Plan | str:
    """Record in a process of its own; what is wrong comes back as text, for exceptions lose parts on the way."""
    try:
        return planning.record(file, seed=_OTHER_IDS)
    except Exception as error:
        return planning.refusal(error) or f"{type(error).__name__}: {error}"


@contextmanager
def _elsewhere() -> Iterator[ProcessPoolExecutor]:
    """One other process, with a hash seed of its own whatever this one's is."""
    before = os.environ.get(_HASH_SEED)
    os.environ[_HASH_SEED] = "2" if before == "1" else "1"
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=_ONCE, mp_context=context) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        if before is None:
            del os.environ[_HASH_SEED]
        else:
            os.environ[_HASH_SEED] = before


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes started meanwhile do not hear Ctrl-C, which a terminal sends to all: this one ends them, in silence."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One environment, judged.

    Attributes:
        file: The environment.
        page: Its plan as a page; None where it was refused.
        plan: Where its plan was written.
        policies: What the rules say of it, in a line; empty where it was refused.
        broken: What the rules found that stops `up`, a line each.
        engine: What the real engine did with it, in a line; empty where it was not asked.
        faults: Everything else found, a line each.
        refused: Why it cannot be planned; empty where it can.
    """

    file: StackFile
    page: Summary | None = None
    plan: Path | None = None
    policies: str = ""
    broken: tuple[str, ...] = ()
    engine: str = ""
    faults: tuple[str, ...] = ()
    refused: str = ""

    @property
    def failed(self) -> bool:
        """Whether something was found."""
        return bool(self.broken or self.faults)

    def data(self) -> dict[str, object]:
        """The same for machines."""
        named: dict[str, object] = {"stack": self.file.stack, "file": str(self.file.path)}
        if self.page is None:
            return {**named, "refused": self.refused}
        cost = self.page.cost
        return {
            **named,
            "plan": str(self.plan),
            "resources": self.page.resources,
            "usdPerHour": {"desired": round(cost.desired, 4), "maximum": round(cost.maximum, 4)},
            "warnings": list(self.page.warnings),
            "policies": {"summary": self.policies, "blocking": list(self.broken)},
            "engine": self.engine or None,
            "faults": list(self.faults),
        }


def verdict(rehearsal: Rehearsal, folder: Path, *, engine: bool) -> Verdict:
    """Write an environment's plan below `folder`, and judge it.

    Args:
        rehearsal: Its three recordings, compared.
        folder: Where plans go, each in a folder of its own.
        engine: Also let it live on the real engine.

    Raises:
        EngineError: The engine refuses to run it.
    """
    from slipway import verdicts  # noqa: PLC0415  # rules are loaded where they are asked

    written = folder / rehearsal.file.stack / "plan.json"
    output.write(written, output.document(rehearsal.plan))
    judged = verdicts.verdict(rehearsal.plan, rehearsal.file)
    lived, faults = _on_engine(rehearsal.file, rehearsal.plan) if engine else ("", ())
    return Verdict(
        file=rehearsal.file,
        page=summary(rehearsal.plan),
        plan=written,
        policies=verdicts.in_short(judged),
        broken=verdicts.faults(judged),
        engine=lived,
        faults=(*rehearsal.faults, *faults),
    )


def _on_engine(file: StackFile, plan: Plan) -> tuple[str, tuple[str, ...]]:
    """Let an environment live through preview, `up`, a second preview, refresh and destroy on the real engine.

    The engine must register what the plan says, change nothing the second time, and the policy pack must say there
    what the rules say of a preview here.
    """
    from slipway import verdicts  # noqa: PLC0415  # rules are loaded where they are asked
    from slipway.rehearsal import engine  # noqa: PLC0415  # the driver takes as long to load as a plan
    from slipway.rehearsal.said import expected  # noqa: PLC0415  # as the engine

    life = engine.live(file)
    in_process = expected(verdicts.verdict(planning.record(file, preview=True), file))
    seconds = life.preview.seconds + life.up.seconds + life.again.seconds + life.refresh.seconds
    faults = [f"the engine and the plan differ: {difference}" for difference in compare(plan, life.up.plan)]
    faults += [f"the second preview is not empty: {life.again.changed} changes"] if life.again.changed else []
    faults += [f"refresh is not empty: {life.refresh.changed} changes"] if life.refresh.changed else []
    faults += [f"only the pack in the engine says: {said}" for said in sorted(life.judged - in_process)]
    faults += [f"the pack in the engine does not say: {said}" for said in sorted(in_process - life.judged)]
    end = "kept, as it is protected" if life.destroy is None else f"destroyed in {life.destroy.seconds:.0f} s"
    return f"{len(life.up.plan.resources)} resources, {seconds:.0f} s; {end}", tuple(faults)
