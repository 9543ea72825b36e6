"""What notebook images are built from: the folder images/, and a hash of it that needs no network."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.registry.images import FOLDER, sources

BASE = "public.ecr.aws/deep-learning-containers/pytorch:2.12.1"
FILES = {
    "common/start.sh": "#!/bin/bash\n",
    "notebook-cpu/Dockerfile": "ARG BASE\nFROM ${BASE}\n",
    "notebook-gpu/Dockerfile": "ARG BASE\nFROM ${BASE}\nUSER 1000\n",
}


def folder(at: Path, files: dict[str, str] | None = None, **changes: Any) -> Path:
    index = {
        f"notebook-{kind}": {
            "accelerator": accelerator,
            "base": BASE,
            "context": ["common", f"notebook-{kind}"],
            "dockerfile": f"notebook-{kind}/Dockerfile",
        }
        for kind, accelerator in (("cpu", None), ("gpu", "nvidia"))
    }
    index["notebook-gpu"] |= changes
    for path, text in {**FILES, **(files or {}), "images.json": json.dumps(index)}.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_text(text)
    return at


def tags(at: Path) -> dict[str, str]:
    return {name: source.tag for name, source in sources(at).items()}


def test_an_image_is_its_own_folder_and_what_it_shares(tmp_path):
    found = sources(folder(tmp_path))
    assert found["notebook-gpu"].files == ("common/start.sh", "notebook-gpu/Dockerfile")
    assert (found["notebook-gpu"].accelerator, found["notebook-cpu"].accelerator) == ("nvidia", None)
    assert found["notebook-gpu"].tag != found["notebook-cpu"].tag


def test_the_same_files_have_the_same_tag_wherever_they_are(tmp_path):
    assert tags(folder(tmp_path / "a")) == tags(folder(tmp_path / "b"))


@pytest.mark.parametrize(
    ("files", "changes", "moved"),
    [
        ({"notebook-gpu/Dockerfile": "FROM scratch\n"}, {}, {"notebook-gpu"}),
        ({"common/start.sh": "#!/bin/sh\n"}, {}, {"notebook-cpu", "notebook-gpu"}),
        ({"notebook-gpu/more.txt": ""}, {}, {"notebook-gpu"}),
        ({}, {"base": BASE + "1"}, {"notebook-gpu"}),
        (
            {
                "notebook-gpu/B": "",
            },
            {"dockerfile": "notebook-gpu/B"},
            {"notebook-gpu"},
        ),
        ({"common/__pycache__/a.pyc": "x", "notebook-gpu/.DS_Store": "x", "other/file": "x"}, {}, set()),
        ({"notebook-gpu/.dockerignore": "*.md\n"}, {}, {"notebook-gpu"}),
    ],
)
def test_a_change_moves_the_tags_of_the_images_that_see_it(tmp_path, files, changes, moved):
    before, after = tags(folder(tmp_path / "a")), tags(folder(tmp_path / "b", files, **changes))
    assert {name for name in before if before[name] != after[name]} == moved


TEXTS = st.dictionaries(st.sampled_from(["a", "b", "ab", "c/a"]), st.text(alphabet="ab\n", max_size=3), max_size=4)


@given(one=TEXTS, other=TEXTS)
def test_different_contents_never_have_one_tag(one, other, tmp_path_factory):
    """Joined without lengths, file `a` with `b` and file `ab` with nothing would be one text."""
    made = [
        tags(folder(tmp_path_factory.mktemp("images"), {f"notebook-gpu/{path}": text for path, text in each.items()}))
        for each in (one, other)
    ]
    assert (made[0] == made[1]) == (one == other)


def test_what_images_json_names_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder images/nothing"):
        sources(folder(tmp_path / "a", context=["nothing", "notebook-gpu"]))
    with pytest.raises(FileNotFoundError, match="no file notebook-gpu/Nofile"):
        sources(folder(tmp_path / "b", dockerfile="notebook-gpu/Nofile"))
    with pytest.raises(ValueError, match="has no tag"):
        sources(folder(tmp_path / "c", base="public.ecr.aws/deep-learning-containers/pytorch"))


def test_the_archive_names_files_as_the_program_sees_them(tmp_path):
    archive = sources(folder(tmp_path))["notebook-gpu"].archive
    found = {path: asset.path for path, asset in archive.assets.items() if isinstance(asset, pulumi.FileAsset)}
    assert found == {
        "common/start.sh": "../images/common/start.sh",
        "notebook-gpu/Dockerfile": "../images/notebook-gpu/Dockerfile",
    }


def test_the_repositorys_own_images_are_all_there():
    found = sources()
    assert {f"notebook-{kind}" for kind in ("cpu", "gpu", "neuron")} <= set(found)
    stacks = FOLDER.parent / "stacks"
    for source in found.values():
        for asset in source.archive.assets.values():
            assert isinstance(asset, pulumi.FileAsset)
            assert (stacks / asset.path).is_file()
