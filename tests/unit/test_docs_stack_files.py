"""The parts of stack files on the pages: whoever has what they stand on can take them as they are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.settings import KEYS, parse
from tests.program.conftest import settings_of
from tests.unit.settings_stack import TODAY

ROOT = Path(__file__).resolve().parents[2]
PROD = settings_of(ROOT / "stacks/config/Pulumi.prod.yaml")
STANDS = {**PROD, "edge": {**PROD["edge"], "entries": []}, "addons": {"preset": "full"}}
"""A rich stack file that asks for no more than the preset."""
_BLOCK = re.compile(r"^( *)```yaml[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_NEW: frozenset[str] = frozenset({"add-an-addon"})
"""Pages about an add-on that is not there yet."""


def blocks() -> list[Any]:
    found = []
    for page in sorted(ROOT.glob("docs/*/*.md")):
        for number, (indent, body) in enumerate(_BLOCK.findall(page.read_text())):
            text = "\n".join(line.removeprefix(indent) for line in body.splitlines())
            if "apiVersion:" in text or page.stem in _NEW:
                continue
            document = yaml.safe_load(text)
            part = document.get("config", document) if isinstance(document, dict) else {}
            part = {key.removeprefix("slipway:"): value for key, value in part.items()}
            if part and set(part) <= set(KEYS):
                found.append(pytest.param(part, id=f"{page.stem}-{number}"))
    return found


def merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


@pytest.mark.parametrize("part", blocks())
def test_a_part_of_a_stack_file_on_a_page_can_be_taken_as_it_is(part: dict[str, Any]):
    parse(merged(STANDS, part), TODAY)


def test_the_pages_have_such_parts():
    assert len(blocks()) > 1
