"""The shell of the workflows, really run: in a clone with a merged pull request, with `make` and `gh` stood in for."""

import json
import os
import re
import shutil
import subprocess

import pytest

from slipway import stackfile
from tests.contract import workflows

ROOT = workflows.ROOT
FIND = workflows.step("environments", "find").run
MAKE = f"""#!/bin/bash
# As `make -C FOLDER .venv/.ready`, without a registry.
echo "make $*" >> "$HOME/made"
[[ "$1" == -C && "$3" == .venv/.ready ]] || exit 9
ln -s {ROOT}/.venv "$2/.venv"
"""
GH = """#!/bin/bash
# GitHub's API: answers lists from a file, and keeps what it is sent.
path="${!#}"
for word in "$@"; do
  case "$word" in repos/*) path="$word" ;; esac
done
case " $* " in
  *" --paginate "*) cat "$HOME/list.json" ;;
  *" --input "*) jq --compact-output --arg call "$*" '{call: $call, body}' body.json >> "$HOME/sent" ;;
  *) jq --compact-output --null-input --arg call "$*" '{call: $call}' >> "$HOME/sent" ;;
esac
"""

pytestmark = [
    pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not on PATH") for tool in ("git", "jq", "awk")
]


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        timeout=120,
    )


def written(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Machine:
    """Runs blocks one after the other, as one job: `$GITHUB_ENV` counts from the next one on."""

    def __init__(self, folder):
        self.home, self.temporary, self.tools = (folder / name for name in ("home", "temporary", "tools"))
        for each in (self.home, self.temporary):
            each.mkdir()
        written(self.tools, "make", MAKE)
        written(self.tools, "gh", GH)
        names = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        self.files = {name: folder / name.lower() for name in names}
        for path in self.files.values():
            path.touch()

    def __call__(self, block, folder, **environment):
        kept = dict(line.split("=", 1) for line in self.files["GITHUB_ENV"].read_text().splitlines())
        return workflows.run(
            block,
            folder,
            **{name: str(path) for name, path in self.files.items()},
            **kept,
            PATH=f"{self.tools}:{os.environ['PATH']}",
            HOME=str(self.home),
            RUNNER_TEMP=str(self.temporary),
            # The program of the folder that a command runs in, not of the one that is installed.
            PYTHONPATH=".",
            GITHUB_SERVER_URL="https://github.example",
            GITHUB_REPOSITORY="org/platform",
            GITHUB_RUN_ID="7",
            **environment,
        )


@pytest.fixture(name="machine")
def _machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture(name="repository", scope="module")
def _repository(tmp_path_factory):
    """A clone at the merge of a pull request: dev changes, `scratch` is new and `broken` cannot be planned."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("addons", "images", "infra", "policies", "slipway", "stacks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "requirements.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / ".gitignore").write_text(".venv\n__pycache__\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "change")
    config = folder / "stacks" / "config"
    dev = (config / "Pulumi.dev.yaml").read_text()
    changed = re.sub(r"(max: )(\d+)", lambda found: f"{found[1]}{int(found[2]) + 1}", dev, count=1)
    assert changed != dev
    (config / "Pulumi.dev.yaml").write_text(changed)
    (config / "Pulumi.scratch.yaml").write_text(dev.replace("name: slipway-dev", "name: slipway-scratch"))
    (config / "Pulumi.broken.yaml").write_text('config:\n  slipway:platform: {"naem@org/team~~~~": x}\n')
    git(folder, "commit", "-qam", "change", "--allow-empty")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "new")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "change")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


# Which environments there are.


def named(folder, tmp_path):
    output = tmp_path / "output"
    output.touch()
    done = workflows.run(FIND, folder, GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text().removeprefix("names="))


def test_the_environments_are_those_that_the_command_line_knows(tmp_path):
    assert sorted(named(ROOT, tmp_path)) == list(stackfile.environments())


def test_a_new_stack_file_is_an_environment_and_what_may_be_lost_comes_first(tmp_path):
    config = tmp_path / "stacks" / "config"
    plain = (
        "config:\n  slipway:platform:\n    name: x\n  slipway:storage:\n    efs:\n      a:\n        disposable: true\n"
    )
    for name, text in {
        "a": plain,
        "b": "config:\n  slipway:platform:\n    name: x\n    disposable: true # soon gone\n",
        "c": "config:\n  platform: {name: x, disposable: true}\n",
        "d": "config:\n  slipway:platform:\n    disposable: false\n  slipway:network:\n    disposable: true\n",
        "e.1_x-y": plain,
    }.items():
        written(config, f"Pulumi.{name}.yaml", text)
    assert named(tmp_path, tmp_path) == ["b", "c", "a", "d", "e.1_x-y"]


def test_a_name_that_pulumi_refuses_reaches_no_job(tmp_path):
    config = tmp_path / "stacks" / "config"
    for name in ("ok", "$(touch x)", "a b", "a\nnames=['x']", "'"):
        written(config, f"Pulumi.{name}.yaml", "config: {}\n")
    assert named(tmp_path, tmp_path) == ["ok"]


def test_without_stack_files_there_is_none(tmp_path):
    assert named(tmp_path, tmp_path) == []


# What a pull request does.


def planned(machine, repository, environment):
    """The steps of the job, up to the upload: their results by name."""
    job = [each for each in workflows.steps() if (each.file.stem, each.job) == ("plan", "plan") and each.run]
    assert [each.name for each in job] == ["Plan the base", "Review", "Check the policies"]
    shutil.rmtree(repository / "review", ignore_errors=True)
    git(repository, "worktree", "prune")
    return {each.name: machine(each.run, repository, ENVIRONMENT=environment) for each in job}


def test_a_changed_environment_is_compared_with_its_base(machine, repository):
    done = planned(machine, repository, "dev")
    assert [each.returncode for each in done.values()] == [0, 0, 0], [each.stderr for each in done.values()]
    page = (repository / "review" / "dev" / "comment.md").read_text()
    assert page.startswith("<!-- slipway review: dev -->\n### dev\n")
    assert re.search(r"^\*\*\d+\*\* changed", page, re.MULTILINE)
    assert "A new environment" not in page
    assert "#### Policies: no violation" in page
    assert machine.files["GITHUB_STEP_SUMMARY"].read_text() == page
    assert json.loads((repository / "review" / "dev" / "check.sarif").read_text())["version"] == "2.1.0"
    # The base was planned by the base's own program.
    assert "make -C " in (machine.home / "made").read_text()
    assert machine.files["GITHUB_ENV"].read_text().endswith("/base.json\n")


def test_a_new_environment_is_said_to_be_new(machine, repository):
    done = planned(machine, repository, "scratch")
    assert done["Plan the base"].stdout.endswith("scratch is new\n")
    assert "A new environment: **" in (repository / "review" / "scratch" / "comment.md").read_text()
    assert not (machine.home / "made").exists()


def test_one_that_cannot_be_planned_has_a_comment_that_says_why_and_fails(machine, repository):
    done = planned(machine, repository, "broken")
    assert done["Review"].returncode == 0
    page = (repository / "review" / "broken" / "comment.md").read_text()
    assert page.startswith(
        "<!-- slipway review: broken -->\n### broken\n\nCannot be planned, or compared with what it was"
        " ([the run](https://github.example/org/platform/actions/runs/7)):\n\n~~~~text\n"
    )
    # What the stack file says cannot end the block that it stands in.
    assert "naem@org/team----" in page
    assert page.endswith("\n~~~~\n")
    assert page.count("~~~~") == 2
    assert done["Check the policies"].returncode == 2
    assert "naem" in done["Check the policies"].stderr


def test_a_base_that_cannot_be_made_is_planned_by_this_program(machine, repository):
    written(machine.tools, "make", "#!/bin/bash\nexit 2\n")
    done = planned(machine, repository, "dev")
    assert "::warning::the base cannot be planned by its own code" in done["Plan the base"].stdout
    assert machine.files["GITHUB_ENV"].read_text().endswith("/base/stacks/config/Pulumi.dev.yaml\n")
    page = (repository / "review" / "dev" / "comment.md").read_text()
    assert re.search(r"^\*\*\d+\*\* changed", page, re.MULTILINE)


def test_one_that_is_taken_out_or_gets_another_name_has_a_comment_too(machine, tmp_path):
    folder = tmp_path / "repository"
    for name in ("kept", "old", "gone"):
        written(folder, f"stacks/config/Pulumi.{name}.yaml", f"config: {{}}\n# {name}\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "change")
    git(folder, "rm", "-q", "stacks/config/Pulumi.gone.yaml")
    git(folder, "mv", "stacks/config/Pulumi.old.yaml", "stacks/config/Pulumi.new.yaml")
    git(folder, "commit", "-qm", "change")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "change")
    done = machine(workflows.step("plan", "Say which stack files are taken out").run, folder)
    assert done.returncode == 0, done.stderr
    pages = {path.parent.name: path.read_text() for path in (folder / "gone").glob("*/comment.md")}
    assert set(pages) == {"gone", "old"}
    assert pages["old"].startswith("<!-- slipway review: old -->\n### old\n\nIts stack file is taken out.")
    assert "`pulumi destroy`" in pages["old"]
    assert machine.files["GITHUB_STEP_SUMMARY"].read_text() == pages["gone"] + pages["old"]


def test_where_none_is_taken_out_nothing_is_said(machine, repository):
    done = machine(workflows.step("plan", "Say which stack files are taken out").run, repository)
    assert done.returncode == 0, done.stderr
    assert not (repository / "gone").exists()


# What is written to GitHub.


LEAVE_OUT = workflows.step("plan", "Leave out what is excepted").run


def test_what_is_excepted_is_no_alert(machine, tmp_path):
    """GitHub docs, "SARIF support for code scanning": `suppressions` is none of the properties that are read."""

    def report(*results):
        return {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "slipway"}}, "results": results}]}

    first, last = {"ruleId": "a", "level": "error"}, {"ruleId": "c"}
    excepted = {"ruleId": "b", "suppressions": [{"kind": "external"}]}
    written(tmp_path, "review/dev/check.sarif", json.dumps(report(first, excepted, last, excepted)))
    done = machine(LEAVE_OUT, tmp_path, ENVIRONMENT="dev")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "upload.sarif").read_text() == json.dumps(report(first, last), indent=2) + "\n"


def test_without_a_report_there_is_nothing_to_annotate(machine, tmp_path):
    assert machine(LEAVE_OUT, tmp_path, ENVIRONMENT="dev").returncode == 0
    assert not (tmp_path / "upload.sarif").exists()


def sent(machine):
    path = machine.home / "sent"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


COMMENT = workflows.step("plan", "Comment, or change the comment that is there").run
PAGES = {
    "dev": '<!-- slipway review: dev -->\n### dev\n\n"quoted" `x` $HOME\n',
    "prod": "<!-- slipway review: prod -->\n",
}


@pytest.fixture(name="pages")
def _pages(tmp_path):
    folder = tmp_path / "job"
    for name, text in PAGES.items():
        written(folder, f"reviews/{name}/comment.md", text)
    return folder


def test_without_pages_nothing_is_sent(machine, tmp_path):
    done = machine(COMMENT, tmp_path, GH_TOKEN="x", NUMBER="12")
    assert done.returncode == 0, done.stderr
    assert sent(machine) == []


def test_the_first_time_each_environment_gets_a_comment(machine, pages):
    (machine.home / "list.json").write_text("[]")
    done = machine(COMMENT, pages, GH_TOKEN="x", NUMBER="12")
    assert done.returncode == 0, done.stderr
    assert sent(machine) == [
        {"call": "api --silent --method POST repos/org/platform/issues/12/comments --input body.json", "body": text}
        for text in PAGES.values()
    ]


def test_later_the_comment_that_is_there_is_changed_and_nobody_else_s(machine, pages):
    bot, person = {"type": "Bot"}, {"type": "User"}
    comments = [
        {"id": 1, "user": person, "body": PAGES["dev"]},
        {"id": 2, "user": bot, "body": "<!-- slipway review: development -->\n"},
        {"id": 3, "user": bot, "body": "<!-- slipway review: dev -->\nolder"},
        {"id": 4, "user": bot, "body": "<!-- slipway review: dev -->\nolder"},
    ]
    # Of two pages, as the API hands them out.
    (machine.home / "list.json").write_text(json.dumps(comments[:2]) + json.dumps(comments[2:]))
    done = machine(COMMENT, pages, GH_TOKEN="x", NUMBER="12")
    assert done.returncode == 0, done.stderr
    assert [each["call"].split(" --input")[0] for each in sent(machine)] == [
        "api --silent --method PATCH repos/org/platform/issues/comments/3",
        "api --silent --method POST repos/org/platform/issues/12/comments",
    ]
    assert sent(machine)[0]["body"] == PAGES["dev"]


REPORT = workflows.step("drift", "Open, change or close issues").run


@pytest.fixture(name="drifted")
def _drifted(tmp_path):
    """dev drifted, prod did not, and test could not be looked at."""
    folder = tmp_path / "job"
    written(folder, "found/dev/found.txt", "x" * 70_000 + "\n~~~~~\n~ aws:s3/bucket:Bucket: changed\n")
    written(folder, "found/prod/found.txt", "no changes\n")
    written(folder, "found/prod/none", "")
    return folder


def report(machine, folder, issues):
    (machine.home / "list.json").write_text(json.dumps(issues))
    done = machine(REPORT, folder, GH_TOKEN="x", NAMES='["dev","prod","test"]', RUN="https://github.example/run")
    assert done.returncode == 0, done.stderr
    return sent(machine)


def test_drift_opens_an_issue_for_each_environment(machine, drifted):
    dev, test = report(machine, drifted, [])
    assert dev["call"] == test["call"] == "api --silent --method POST repos/org/platform/issues --input body.json"
    assert dev["body"].startswith("`dev` is not what main says, or it could not be looked at: [the run](https://")
    assert len(dev["body"]) < 65_536
    # What it found cannot end the block that it stands in.
    assert dev["body"].endswith("x\n----~\n~ aws:s3/bucket:Bucket: changed\n\n~~~~\n")
    assert dev["body"].count("~~~~") == 2
    assert test["body"].endswith("~~~~diff\n\n~~~~\n")


def test_drift_changes_the_issue_that_is_open_and_closes_that_of_what_is_well(machine, drifted):
    issues = [{"title": "Drift: dev", "number": 5}, {"title": "Drift: prod", "number": 6}, {"title": "x", "number": 7}]
    dev, prod, test = report(machine, drifted, issues)
    assert dev["call"] == "api --silent --method PATCH repos/org/platform/issues/5 --input body.json"
    assert prod == {"call": "api --silent --method PATCH repos/org/platform/issues/6 --field state=closed"}
    assert "POST" in test["call"]


LOOK = workflows.step("drift", "Look").run


@pytest.mark.parametrize("code", [0, 1])
def test_what_drifted_is_kept_and_that_nothing_did_is_said(machine, tmp_path, code):
    written(machine.tools, "pulumi", f"#!/bin/bash\necho seen\nexit {code}\n")
    assert machine(LOOK, tmp_path, ENVIRONMENT="dev").returncode == code
    assert (tmp_path / "drift/dev/found.txt").read_text() == "seen\n"
    assert (tmp_path / "drift/dev/none").exists() == (code == 0)


# Before the engine.


@pytest.mark.parametrize(("newest", "code"), [("abc", 0), ("def", 1)])
def test_a_run_that_is_run_again_goes_on_only_for_what_main_is(machine, tmp_path, newest, code):
    call = "api repos/org/platform/commits/main --jq .sha"
    written(machine.tools, "gh", f'#!/bin/bash\n[[ "$*" == "{call}" ]] || exit 9\necho {newest}\n')
    block = workflows.step("up", "Refuse to go back").run
    done = machine(block, tmp_path, GH_TOKEN="x", GITHUB_REF_NAME="main", GITHUB_SHA="abc")
    assert done.returncode == code
    assert ("::error::main is at def" in done.stdout) == (code == 1)


def test_the_engine_is_that_of_the_sdk(machine):
    done = machine(workflows.step("pulumi", "version").run, ROOT)
    (locked,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert done.returncode == 0
    assert machine.files["GITHUB_OUTPUT"].read_text() == f"version={locked}\n"


ARN = "arn:aws:iam::123456789012:role/reads"


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        (ARN, ARN),
        (json.dumps({"prod": ARN, "dev": "arn:aws:iam::1:role/x"}), ARN),
        (json.dumps({"dev": ARN}), None),
        ("", None),
        ("$(touch x)", None),
    ],
)
def test_a_job_takes_on_the_role_of_its_environment_or_none(machine, tmp_path, roles, found):
    done = machine(workflows.step("pulumi", "role").run, tmp_path, ROLES=roles, ENVIRONMENT="prod")
    assert (done.returncode == 0) == (found is not None)
    assert machine.files["GITHUB_OUTPUT"].read_text() == (f"role={found}\n" if found else "")
    assert ("::error::no role for prod" in done.stdout) == (found is None)
