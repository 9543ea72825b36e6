"""Proves that adding packages to a Python environment left alone what was there, and that what was added is whole.

    packages.py record FILE                 write the name and version of every installed package to FILE
    packages.py verify FILE REQUIREMENTS    compare with FILE, and look for what the added packages need

Exit 0: all is well; 1: it is not, with a line for each problem on standard error; 2: used wrongly.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

USAGE = 2
EXCLUDED = frozenset(
    canonicalize_name(line)
    for line in (Path(__file__).parent / "excludes.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
"""A framework's own packages, which no image adds: where one is absent (Neuron's SDK environment), that is meant."""


def installed() -> dict[str, str]:
    """Every installed package: normalised name to version. Where a name is found twice, what an import finds wins."""
    found: dict[str, str] = {}
    for one in distributions():
        found.setdefault(canonicalize_name(one.name), one.version)
    return found


def pins(requirements: Path) -> dict[str, str]:
    """The `name==version` lines of a requirements file."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(m[1]): m[2] for line in lines if (m := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line))}


def changed(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """Packages that were there and are now another version, or gone."""
    for name, version in sorted(before.items()):
        if now.get(name) != version:
            yield f"{name}: the base image has {version}; after the installation it is {now.get(name, 'gone')}"


def lacking(name: str, version: str, before: dict[str, str]) -> Iterator[str]:
    """What an added package does not find; one that the base image has already keeps the base's version."""
    try:
        added = distribution(name)
    except PackageNotFoundError:
        yield f"{name}: {version} was to be added; it is not there"
        return
    if name not in before and added.version != version:
        yield f"{name}: {version} was to be added; {added.version} is there"
    for need in needs(added, frozenset({""})):
        yield from unmet(name, need)


def needs(one: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """What a package requires on this machine, with some of its extras."""
    here = {key: str(value) for key, value in default_environment().items()}
    for text in one.requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({**here, "extra": extra}) for extra in extras):
            yield need


def unmet(who: str, need: Requirement) -> Iterator[str]:
    """Whether one requirement is met, its extras included."""
    if canonicalize_name(need.name) in EXCLUDED:
        return
    try:
        found = distribution(need.name)
    except PackageNotFoundError:
        yield f"{who}: needs {need}; it is not there"
        return
    if not need.specifier.contains(found.version, prereleases=True):
        yield f"{who}: needs {need}; {found.version} is there"
    if need.extras:
        for deeper in needs(found, frozenset(need.extras)):
            yield from unmet(f"{who}: {need.name}", deeper)


def main(arguments: list[str]) -> int:
    """Run a verb."""
    match arguments:
        case ["record", file]:
            Path(file).write_text(json.dumps(installed()), encoding="utf-8")
            return 0
        case ["verify", file, requirements]:
            before = json.loads(Path(file).read_text(encoding="utf-8"))
            wrong = [*changed(before, installed())]
            for name, version in pins(Path(requirements)).items():
                wrong += lacking(name, version, before)
            sys.stderr.writelines(f"{line}\n" for line in wrong)
            return 1 if wrong else 0
        case _:
            sys.stderr.write(__doc__ or "")
            return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
