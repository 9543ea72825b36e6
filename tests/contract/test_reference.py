"""The generated reference is what the code says now."""

from pathlib import Path

import pytest

from slipway import reference

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_current(name: str):
    assert (FOLDER / name).read_text() == reference.PAGES[name](), "run `make reference`"


def test_every_setting_is_described():
    undescribed = [
        line
        for line in reference.PAGES["settings.md"]().splitlines()
        if line.startswith("| `") and line.endswith("|  |")
    ]
    assert undescribed == []
