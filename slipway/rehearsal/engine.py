"""The rehearsal on the real engine: `preview`, `up`, `preview` again, `refresh`, `destroy`, against a simulated AWS.

The engine works in a temporary folder with a backend, a home and a passphrase of its own. The project file, the stack
file and the program are the repository's; the engine would write its salt into the stack file, so it gets a copy.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

import yaml
from pulumi import automation

from slipway import stackfile
from slipway.errors import CannotRunError
from slipway.plan.deployment import from_document
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.plugin import PACKAGES
from slipway.rehearsal.said import Said
from slipway.rehearsal.said import heard as said_as
from slipway.stackfile import StackFile
from slipway.wire import redacted

_R = TypeVar("_R")
_TOOLS: Final = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
_ASSETS: Final = "images"
"""The folder that the program sends files from."""
_PACK: Final = "policies"
"""The folder of the policy pack."""
_PASSPHRASE: Final = "rehearsal"  # noqa: S105 - of a state that holds made-up values and is deleted
_SAME: Final = frozenset({"same", "read"})
_BUILT_IN: Final = "pulumi:providers:pulumi"
_NOISE: Final = re.compile(r"  \S.*:$|\s*warning: using pulumi-resource-")
_EPILOGUE: Final = re.compile(r"\w+ failed$|an unhandled error occurred: program exited")
_LAUNCHER: Final = """#!/bin/sh
exec '{python}' -P -c 'from slipway.rehearsal.sdk import install
install()
from slipway.rehearsal.plugin import main
main("{package}")' "$@"
"""


class EngineError(CannotRunError):
    """The engine is missing, or it failed; the message is what it said."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One operation of the engine: `changes` counts resources by what was done to them (`create`, `same`, ...)."""

    changes: Mapping[str, int]
    seconds: float

    @property
    def changed(self) -> int:
        """How many resources the operation touched."""
        return sum(count for kind, count in self.changes.items() if kind not in _SAME)


@dataclass(frozen=True, kw_only=True)
class Planned(Outcome):
    """An operation that leaves resources behind, or would: `plan` holds them."""

    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Life:
    """A stack's whole life, in the order in which it was lived."""

    judged: frozenset[Said]
    """What the policy pack said in a preview."""
    preview: Planned
    up: Planned
    again: Planned
    """The second preview: nothing must change."""
    refresh: Planned
    destroy: Outcome | None
    """None where something is protected: the engine would refuse, as it should."""


def available() -> str | None:
    """Why the real engine cannot be used here, or None where it can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"{missing[0]} is not on PATH" if missing else None


def live(file: StackFile) -> Life:
    """Let a stack live from its first preview to its end.

    Args:
        file: The stack, as `slipway.stackfile.load` read it.

    Raises:
        EngineError: The engine is not there, or an operation failed.
    """
    with stack(file) as engine:
        judged = engine.judge()
        preview, up = engine.preview(), engine.up()
        again, refresh = engine.preview(), engine.refresh()
        protected = any(resource.protect for resource in up.plan)
        destroy = None if protected else engine.destroy()
    return Life(judged=judged, preview=preview, up=up, again=again, refresh=refresh, destroy=destroy)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One stack on the real engine. Made by `stack`."""

    name: str
    root: Path
    environment: Mapping[str, str]
    _stack: automation.Stack = field(repr=False)

    def preview(self) -> Planned:
        """What `pulumi preview` says: every resource with its inputs, unknown what is unknown.

        Raises:
            EngineError: The program or a plugin failed.
        """
        # The Automation API's own preview leaves out dependencies and options.
        command = ["preview", "--json", "--show-sames", "--non-interactive", "--stack", self.name]
        result, seconds = _run(
            lambda: self._stack.workspace.pulumi_command.run(command, str(self.root), dict(self.environment))
        )
        said = json.loads(result.stdout)
        # The project refreshes first: those steps name resources a second time, as they were.
        states = [step["newState"] for step in said["steps"] if "newState" in step and step["op"] != "refresh"]
        document = {"version": 3, "deployment": {"resources": states}}
        return Planned(changes=said["changeSummary"], seconds=seconds, plan=_plan(document))

    def up(self) -> Planned:
        """Make or update everything.

        Raises:
            EngineError: The program or a plugin failed.
        """
        result, seconds = _run(self._stack.up)
        return Planned(changes=_changes(result.summary), seconds=seconds, plan=self.state())

    def refresh(self) -> Planned:
        """Compare the state with the simulated AWS.

        Raises:
            EngineError: A plugin failed.
        """
        result, seconds = _run(self._stack.refresh)
        return Planned(changes=_changes(result.summary), seconds=seconds, plan=self.state())

    def destroy(self) -> Outcome:
        """Delete everything that is not protected.

        Raises:
            EngineError: Something is protected, or a plugin failed.
        """
        result, seconds = _run(self._stack.destroy)
        return Outcome(changes=_changes(result.summary), seconds=seconds)

    def judge(self, *, up: bool = False) -> frozenset[Said]:
        """What the policy pack says in a preview, or in an `up`, which mandatory violations end.

        Raises:
            EngineError: The program, a plugin or the pack failed.
        """
        heard: set[Said] = set()

        def listen(event: automation.EngineEvent) -> None:
            if event.policy_event:
                said = event.policy_event
                heard.add(said_as(said.policy_name, said.enforcement_level, said.message))

        operation: Callable[..., object] = self._stack.up if up else self._stack.preview
        try:
            _run(lambda: operation(policy_packs=[str(stackfile.project_folder() / _PACK)], on_event=listen))
        except EngineError:
            if not any(each.level == "mandatory" for each in heard):
                raise
        return frozenset(heard)

    def state(self) -> Plan:
        """The state, as `pulumi stack export` prints it."""
        exported = self._stack.export_stack()
        return _plan({"version": exported.version, "deployment": exported.deployment})


@contextmanager
def stack(file: StackFile) -> Iterator[Engine]:
    """An isolated stack that nothing exists in yet; its folder goes away with it.

    Args:
        file: The stack, as `slipway.stackfile.load` read it.

    Raises:
        EngineError: The engine is not there.
    """
    reason = available()
    if reason is not None:
        raise EngineError(f"the real engine cannot be used: {reason}")
    with tempfile.TemporaryDirectory(prefix="slipway-engine-") as folder:
        base = Path(folder)
        root, environment = _project(base, file), _environment(base)
        _plugins(base / "bin")

        def create() -> automation.Stack:
            home = environment["PULUMI_HOME"]
            workspace = automation.LocalWorkspace(work_dir=str(root), pulumi_home=home, env_vars=environment)
            return automation.Stack.create(file.stack, workspace)

        made, _ = _run(create)
        yield Engine(name=file.stack, root=root, environment=environment, _stack=made)


def _project(base: Path, file: StackFile) -> Path:
    """The project's folder as far as the engine reads it; the program itself is the installed package."""
    source = stackfile.project_folder()
    project = yaml.safe_load((source / "Pulumi.yaml").read_bytes())
    main, config, virtualenv = (
        Path(project.get("main", ".")),
        Path(project.get("stackConfigDir", ".")),
        Path(project["runtime"]["options"]["virtualenv"]),
    )
    root = base / "project"
    for folder in (main, config):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "Pulumi.yaml", root / "Pulumi.yaml")
    shutil.copyfile(source / main / "__main__.py", root / main / "__main__.py")
    shutil.copyfile(file.path, root / config / f"Pulumi.{file.stack}.yaml")
    (root / virtualenv).symlink_to(sys.prefix, target_is_directory=True)
    # The engine opens files relative to the program that it runs, to hash them.
    (root / _ASSETS).symlink_to(source / _ASSETS, target_is_directory=True)
    return root


def _plugins(folder: Path) -> None:
    """The resource plugins as executables; the engine takes those on PATH before all others."""
    folder.mkdir()
    for package in PACKAGES:
        launcher = folder / f"pulumi-resource-{package}"
        launcher.write_text(_LAUNCHER.format(python=sys.executable, package=package))
        launcher.chmod(0o755)


def _environment(base: Path) -> dict[str, str]:
    """What the engine's processes see: no credentials, no network, nothing outside the folder to write to."""
    (base / "state").mkdir()
    nowhere = "http://127.0.0.1:9"
    near = "127.0.0.1,localhost,::1"
    # Where byte code is not to be written beside the source, three runs of the program would compile the SDKs thrice.
    cache = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(base / "cache")}
    return {
        # The Automation API adds these to the environment of this process: what must be gone has to be empty.
        **{key: "" for key in os.environ if key.startswith(("AWS_", "KUBE", "PULUMI_"))},
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(base / "home"),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), near),
        "PATH": f"{base / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "PULUMI_BACKEND_URL": (base / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(base / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **(cache if sys.dont_write_bytecode else {}),
    }


def _plan(document: Mapping[str, object]) -> Plan:
    """The engine's document as a recording would be: what is its own bookkeeping left out, sets in order."""
    whole = from_document(document)
    kept = [resource for resource in whole if resource.type != _BUILT_IN]
    return replace(whole, resources=tuple(_plain(resource) for resource in kept))


def _plain(resource: Resource) -> Resource:
    behind = {key: tuple(sorted(urns)) for key, urns in sorted(resource.property_dependencies.items())}
    return replace(
        resource,
        dependencies=tuple(sorted(resource.dependencies)),
        property_dependencies=behind,
        inputs=redacted({key: value for key, value in resource.inputs.items() if key != "__internal"}),
        # The Automation API exports secrets in plain text.
        outputs=redacted(resource.outputs),
    )


def _run(operation: Callable[[], _R]) -> tuple[_R, float]:
    began = time.monotonic()
    try:
        result = operation()
    except automation.CommandError as error:
        raise EngineError(_reason(str(error))) from error
    except automation.InvalidVersionError as error:
        raise EngineError(str(error)) from error
    return result, time.monotonic() - began


def _reason(text: str) -> str:
    """The error messages out of all that the engine printed, as JSON or as text."""
    printed = text.partition(" stdout: ")[2].rpartition("\n stderr: ")[0]
    try:
        said = json.loads(printed)["diagnostics"]
        lines = [one["message"] for one in said if one["severity"] == "error"]
    except (ValueError, KeyError, TypeError):
        diagnostics = printed.partition("\nDiagnostics:\n")[2].partition("\n\n")[0]
        lines = [line for line in diagnostics.splitlines() if not _NOISE.match(line)]
    messages = (line.strip().removeprefix("error: ") for line in lines)
    wanted = [message for message in dict.fromkeys(messages) if not _EPILOGUE.match(message)]
    return "\n".join(wanted) or text.strip()


def _changes(summary: automation.UpdateSummary) -> Mapping[str, int]:
    return {str(kind): count for kind, count in (summary.resource_changes or {}).items()}
