"""The workflows that users get: linted by real linters, held to least privilege, and their commands to what there is.

Linters come as packages: zizmor, check-jsonschema, shellcheck. actionlint is a Go module: it runs where Go is.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import yaml

from slipway import cli
from slipway.options import Report
from tests.contract.workflows import ACTIONS, ROOT, WORKFLOWS, Step, commands, load, steps, workflow

BIN = Path(sys.executable).parent
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
RUNS = [pytest.param(each, id=str(each)) for each in steps() if each.run]
USES = [pytest.param(each, id=str(each)) for each in steps() if each.uses]
WRITES = {
    ("drift", "look", "id-token"),
    ("drift", "report", "issues"),
    ("plan", "annotate", "security-events"),
    ("plan", "comment", "pull-requests"),
    ("preview", "preview", "id-token"),
    ("up", "up", "id-token"),
}
"""What tokens may write, and which jobs have one."""
INPUTS = {
    "actions/checkout": {"fetch-depth", "persist-credentials"},
    "actions/download-artifact": {"merge-multiple", "name", "path", "pattern"},
    "actions/setup-python": {"python-version"},
    "actions/upload-artifact": {"if-no-files-found", "name", "path", "retention-days"},
    "aws-actions/configure-aws-credentials": {
        "aws-region",
        "role-duration-seconds",
        "role-session-name",
        "role-to-assume",
    },
    "github/codeql-action/upload-sarif": {"category", "sarif_file"},
    "pulumi/actions": {"pulumi-version"},
}
"""Of each action's action.yml, what is used here: checkout 7.0.1, download-artifact 8.0.1, setup-python 7.0.0,
upload-artifact 7.0.0, configure-aws-credentials 6.2.3, codeql-action 4.36.2, pulumi/actions 7.0.0."""


def lint(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# Linters.


def test_zizmor_finds_nothing_as_an_auditor():
    done = lint(str(BIN / "zizmor"), "--offline", "--persona=auditor", ".github")
    assert done.returncode == 0, done.stdout


def test_zizmor_finds_what_it_looks_for(tmp_path):
    """It reads these files, and not none: a tag in place of a commit, and a title in a shell."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (ROOT / ".github/workflows/test.yml").read_text()
    text = re.sub(r"checkout@\w+ #", "checkout@v7 #", text)
    text = text.replace("run: make test", "run: echo ${{ github.event.pull_request.title }}; make test")
    (folder / "test.yml").write_text(text)
    done = lint(str(BIN / "zizmor"), "--offline", ".github", folder=tmp_path)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout
    assert "template-injection" in done.stdout


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", ACTIONS),
        ("vendor.renovate", (ROOT / "renovate.json",)),
    ],
)
def test_files_are_valid_by_their_schema(schema, files):
    assert files
    done = lint(str(BIN / "check-jsonschema"), "--builtin-schema", schema, *map(str, files))
    assert done.returncode == 0, done.stdout


@pytest.fixture(name="actionlint", scope="session")
def _actionlint(tmp_path_factory):
    if shutil.which("go") is None:
        pytest.skip("actionlint is a Go module, and Go is not on PATH")
    folder = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    done = subprocess.run(
        ["go", "install", ACTIONLINT], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.skip(f"{ACTIONLINT} cannot be built here: {done.stderr.strip()[-200:]}")
    return str(folder / "actionlint")


def test_actionlint_finds_nothing(actionlint):
    """With shellcheck on the blocks of the workflows."""
    done = lint(actionlint, "-shellcheck", str(BIN / "shellcheck"), *map(str, WORKFLOWS))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("step", RUNS)
def test_shellcheck_finds_nothing(step):
    done = subprocess.run(
        [str(BIN / "shellcheck"), "--shell=bash", "--enable=all", "--exclude=SC2250,SC2312", "-"],
        # What the runner does before the first line.
        input=f"set -eo pipefail\n{step.run}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # SC2154: variables that `env:` sets.
    found = [line for line in done.stdout.splitlines() if "SC2154" not in line and re.search(r"SC\d+", line)]
    assert found == [], done.stdout


# Least privilege.


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_permission_and_its_jobs_what_they_need(path):
    content = load(path)
    assert content["permissions"] == {}
    assert "concurrency" in content
    for name, job in content["jobs"].items():
        assert job["permissions"], name
        assert job["runs-on"] == "ubuntu-24.04"
        assert 0 < job["timeout-minutes"] <= 240, name


def test_tokens_may_write_what_is_listed_and_nothing_else():
    found = {
        (path.stem, name, scope)
        for path in WORKFLOWS
        for name, job in load(path)["jobs"].items()
        for scope, access in job["permissions"].items()
        if access != "read"
    }
    assert found == WRITES


def test_a_token_that_writes_to_the_repository_is_never_near_its_code():
    """Who may comment or annotate only carries files over: nothing of a pull request runs beside that token."""
    for name, job, scope in WRITES - {each for each in WRITES if each[2] == "id-token"}:
        used = [each.uses for each in steps() if (each.file.stem, each.job) == (name, job) and each.uses]
        assert all(each.startswith(("actions/download-artifact@", "github/codeql-action/")) for each in used), scope


def test_there_are_no_secrets_and_no_triggers_that_hand_them_to_forks():
    for path in (*WORKFLOWS, *ACTIONS):
        text = path.read_text()
        assert "secrets." not in text
        assert "aws-access-key-id" not in text
    triggers = {path.stem: sorted(load(path)["on"]) for path in WORKFLOWS}
    assert triggers == {
        "drift": ["schedule", "workflow_dispatch"],
        "plan": ["pull_request"],
        "preview": ["pull_request"],
        "test": ["pull_request", "push"],
        "up": ["push"],
    }


@pytest.mark.parametrize("step", USES)
def test_actions_are_pinned_by_commit_and_get_inputs_that_they_have(step):
    if step.uses.startswith("./"):
        inputs = load(ROOT / step.uses / "action.yml").get("inputs", {})
        given = set(step.content.get("with", {}))
        needed = {name for name, each in inputs.items() if each.get("required")}
        assert needed <= given <= set(inputs)
        return
    name, _, commit = step.uses.partition("@")
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    assert re.search(rf"{re.escape(step.uses)} # v\d+\.\d+\.\d+\n", step.file.read_text())
    assert set(step.content.get("with", {})) <= INPUTS[name]
    if name == "actions/checkout":
        assert step.content["with"]["persist-credentials"] is False


def test_one_action_has_one_commit():
    pinned = {each.uses.partition("@")[::2] for each in steps() if "@" in each.uses}
    assert len(pinned) == len({name for name, _ in ((each[0], each[1]) for each in pinned)})


@pytest.mark.parametrize("step", RUNS)
def test_no_block_holds_an_expression(step):
    """What an expression yields would be shell."""
    assert "${{" not in step.run


# Environments are data.


def test_no_environment_is_named():
    names = [path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in (ROOT / "stacks/config").glob("*")]
    assert "prod" in names
    for path in (*WORKFLOWS, *ACTIONS):
        assert not re.search(rf"(?<!/)\b({'|'.join(names)})\b", path.read_text()), path


@pytest.mark.parametrize(("name", "job"), [("plan", "plan"), ("preview", "preview"), ("drift", "look"), ("up", "up")])
def test_each_environment_that_is_found_has_its_job(name, job):
    jobs = workflow(name)["jobs"]
    # A matrix of nothing is an error.
    assert jobs[job]["if"] == "needs.environments.outputs.names != '[]'"
    assert jobs[job]["strategy"]["matrix"] == {"environment": "${{ fromJSON(needs.environments.outputs.names) }}"}
    assert jobs["environments"]["outputs"] == {"names": "${{ steps.find.outputs.names }}"}


def test_up_goes_one_by_one_with_approval_and_is_never_cut_off():
    content = workflow("up")
    assert content["concurrency"] == {"group": "up", "cancel-in-progress": False}
    job = content["jobs"]["up"]
    assert job["environment"] == "${{ matrix.environment }}"
    assert (job["strategy"]["max-parallel"], job["strategy"]["fail-fast"]) == (1, True)
    assert content["on"] == {"push": {"branches": ["main"]}}


def test_an_old_run_that_is_run_again_gets_no_credentials():
    """It would bring an environment back to its commit, by whoever may write."""
    first = workflow("up")["jobs"]["up"]["steps"][0]
    assert (first["name"], first["if"]) == ("Refuse to go back", "github.run_attempt > 1")


def test_artifacts_have_a_folder_for_each_environment_be_they_one_or_many():
    """download-artifact gives one that matches alone no folder of its own (8.0.1, src/download-artifact.ts)."""
    many = [
        step
        for step in steps()
        if step.uses.startswith("actions/download-artifact@") and "name" not in step.content["with"]
    ]
    assert {step.file.stem for step in many} == {"drift", "plan"}
    assert all(step.content["with"]["merge-multiple"] is True for step in many)


def test_the_preview_before_up_is_never_skipped():
    every = [each for step in steps() for each in commands(step.run)]
    ups = [each for each in every if each.startswith("pulumi up")]
    assert len(ups) == 1
    assert not any("--skip-preview" in each for each in every)
    for each in every:
        if each.startswith(("pulumi up", "pulumi preview")) and "--expect-no-changes" not in each:
            assert "--policy-pack policies" in each


def test_only_who_may_have_credentials_asks_for_them():
    """A fork gets none, and until a repository's variables are set nothing asks."""
    fork = "github.event.pull_request.head.repo.full_name == github.repository"
    assert fork in workflow("preview")["jobs"]["environments"]["if"]
    assert fork in workflow("plan")["jobs"]["comment"]["if"]
    for name in ("preview", "drift", "up"):
        assert "vars.PULUMI_BACKEND != ''" in workflow(name)["jobs"]["environments"]["if"]


# Commands that are there.


def flags(words: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if re.fullmatch(r"-{1,2}[A-Za-z][\w-]*(=.*)?", word)]


def spoken(tool: str) -> list[tuple[Step, list[str]]]:
    """Every call of a tool in a workflow."""
    found = []
    for step in steps():
        for each in commands(step.run):
            # `${FROM:+--from "$FROM"}` is two words.
            words = re.sub(r"""\$\{?\w+:\+|["']""", "", each).split()
            if words and words[0].rpartition("/")[2] == tool:
                found.append((step, words[1:]))
    return found


def test_what_is_said_to_slipway_is_there():
    said = spoken("slipway")
    assert {words[0] for _, words in said} == {"check", "plan", "review"}
    verbs = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]  # a group
    for step, words in said:
        options = {name for each in verbs[words[0]].params for name in each.opts}
        assert set(flags(words)) <= options, str(step)
    (words,) = (words for _, words in said if words[0] == "check")
    assert words[words.index("--format") + 1] in list(Report)


def test_what_is_said_to_make_is_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = {*re.findall(r"^([a-z]+):", makefile, re.MULTILINE), ".venv/.ready"}
    said = spoken("make")
    assert said
    for step, words in said:
        if "-C" in words:
            del words[words.index("-C") : words.index("-C") + 2]
        assert {word for word in words if "=" not in word} <= targets, str(step)
        assert {word.partition("=")[0] for word in words if "=" in word} <= {"PYTHON"}


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on PATH")
def test_what_is_said_to_pulumi_is_there():
    said = spoken("pulumi")
    assert {words[0] for _, words in said} == {"login", "preview", "stack", "up"}
    for step, words in said:
        verb = words[:2] if words[0] == "stack" else words[:1]
        text = subprocess.run(
            ["pulumi", *verb, "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
        assert set(flags(words)) <= known, str(step)


def test_every_python_that_the_project_supports_is_tested():
    requires = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert requires is not None
    first, after = map(int, requires.groups())
    matrix = workflow("test")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == [f"3.{minor}" for minor in range(first, after)]
    (setup,) = (each for each in steps() if each.uses.startswith("actions/setup-python@") and not each.job)
    assert setup.content["with"]["python-version"] in matrix


# The page about it.


def page() -> str:
    return (ROOT / "docs" / "how-to" / "ci.md").read_text()


def test_the_page_names_every_variable_and_no_other():
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = set(re.findall(r"vars\.([A-Z_]+)", text))
    assert used == {"AWS_PREVIEW_ROLES", "AWS_REGION", "AWS_UP_ROLE", "CODE_SCANNING", "PULUMI_BACKEND"}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page(), re.MULTILINE)) == used


def test_the_page_s_documents_are_whole():
    for language, text in re.findall(r"```(json|yaml)\n(.*?)```", page(), re.DOTALL):
        assert json.loads(text) if language == "json" else yaml.safe_load(text)


def test_the_page_names_every_workflow():
    assert {f"{path.stem}.yml" for path in WORKFLOWS} <= set(re.findall(r"\b[a-z]+\.yml\b", page()))
