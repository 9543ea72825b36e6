"""Runs a Pulumi program in this process, with no engine, and records what it registers."""

import asyncio
import contextvars
import gc
import inspect
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Final

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, resource, set_all_config, settings
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.stack import run_in_stack

from infra.problems import SettingsError
from slipway.plan.graph import CycleError, ordered
from slipway.plan.model import Plan
from slipway.rehearsal.answers import Ids
from slipway.rehearsal.loop import finish
from slipway.rehearsal.monitor import Engine, Monitor, RecordingError
from slipway.rehearsal.quick import quick

__all__ = ["RecordingError", "record"]

Program = Callable[[], Awaitable[None] | None]
_GARBAGE_THRESHOLD: Final = 2_000_000
# An Output inside a string is a mistake that Pulumi only warns of; with this set it raises.
_ENVIRONMENT: Final = {"PULUMI_ERROR_OUTPUT_STRING": "1"}


def record(
    program: Program,
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    preview: bool = False,
    seed: int = 0,
) -> Plan:
    """Run the program and return everything it registered.

    Nothing of the run stays behind in the process, so programs can be recorded one after the other.

    Args:
        program: What the engine would run; it may use `pulumi.Config` and `pulumi.export`.
        project: The project's name.
        stack: The stack's name.
        config: `namespace:key` to text, as the engine hands it over (objects as JSON).
        preview: Leave unknown what AWS computes, ids included.
        seed: Another seed gives another account and other ids.

    Raises:
        SettingsError: The program refuses its configuration.
        RecordingError: The program failed; the message names the resource where it is known.
    """
    region = config.get("aws:region")
    ids = Ids(seed=seed, region=region) if region else Ids(seed=seed)
    monitor = Monitor(project=project, stack=stack, preview=preview, ids=ids)
    engine = Engine()

    def run() -> None:
        features = set(monitor.GetDeploymentInfo(_EMPTY).supportedFeatures)
        settings.configure(
            mocks.MockSettings(  # type: ignore[no-untyped-call]  # pulumi's
                monitor=monitor,
                monitor_features=features,
                engine=engine,
                project=project,
                stack=stack,
                dry_run=preview,
                organization="organization",
                root_directory=None,
                callbacks=monitor.callbacks,
                outputs=set(),
                package_refs={},
                base_providers_by_ref={},
                legacy_apply_enabled=False,
            )
        )
        settings.ROOT.set(None)
        set_all_config(dict(config), [])
        failures: list[BaseException] = []
        finish(run_in_stack(lambda: _settled(program, failures)), failures)

    with _environment():
        try:
            # Pulumi keeps its settings in context variables: those of a copy vanish with it.
            contextvars.copy_context().run(run)
        except (SettingsError, RecordingError):
            raise
        except SystemExit as error:
            raise RecordingError(f"the program ended the process itself (exit code {error.code})") from error
        except Exception as error:
            raise RecordingError(_explained(error)) from error
    try:
        resources = ordered(monitor.registered)
    except CycleError as error:
        raise RecordingError(str(error)) from error
    return Plan(
        project=project,
        stack=stack,
        resources=resources,
        preview=preview,
        invocations=tuple(monitor.invocations),
        messages=tuple(engine.messages),
    )


_EMPTY: Final = empty_pb2.Empty()


async def _settled(program: Program, failures: list[BaseException]) -> None:
    """Run the program and wait until everything it began is done.

    Pulumi waits for the first of all open outputs again and again, which takes quadratic time; here each is waited for
    once. Failures stay where they are: Pulumi finds and raises them right afterwards.
    """
    try:
        result = program()
        if inspect.isawaitable(result):
            await result
    except BaseException as error:
        # Pulumi waits for all open outputs before it raises this, and some may be waiting for what failed.
        failures.append(error)
        raise
    outputs = settings.SETTINGS.outputs
    # Those that failed stay in the set.
    while open_ := [output for output in outputs if not output.done()]:
        await asyncio.gather(*open_, return_exceptions=True)
        await asyncio.sleep(0)


@contextmanager
def _environment() -> Iterator[None]:
    """The environment of a recording; everything is put back afterwards."""
    before = {key: os.environ.get(key) for key in _ENVIRONMENT}
    trace = resource._get_stack_trace
    thresholds = gc.get_threshold()
    os.environ.update(_ENVIRONMENT)
    # A recording makes tens of thousands of futures that live to its end: looking for garbage among them finds none.
    gc.set_threshold(_GARBAGE_THRESHOLD, *thresholds[1:])
    # Pulumi reads the source line of every frame for every resource, which the engine would show and a plan does not:
    # it is half of a recording's time.
    resource._get_stack_trace = source_pb2.StackTrace
    try:
        with quick():
            yield
    finally:
        gc.set_threshold(*thresholds)
        resource._get_stack_trace = trace
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _explained(error: BaseException) -> str:
    """What went wrong, with the resource that was being made when it did."""
    where = _resource_in(error.__traceback__) or (
        _resource_in(error.__cause__.__traceback__) if error.__cause__ else None
    )
    text = f"{type(error).__name__}: {error}"
    return f"{where}: {text}" if where else text


def _resource_in(trace: TracebackType | None) -> str | None:
    """`type name` of the innermost resource that the traceback passes through."""
    found = None
    while trace is not None:
        scope = trace.tb_frame.f_locals
        own = scope.get("__self__", scope.get("self"))
        name = scope.get("resource_name", scope.get("name"))
        if trace.tb_frame.f_code.co_name == "do_register" and "ty" in scope:
            found = f"{scope['ty']} {scope.get('name', '')}".strip()
        elif isinstance(own, pulumi.Resource) and isinstance(name, str):
            found = f"{type(own).__name__} {name}"
        trace = trace.tb_next
    return found
