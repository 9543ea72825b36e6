"""The comment on a pull request: what it says, what cannot break out of it, and how it stays within its limit."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from policies.model import Finding, Verdict
from policies.settings import ExceptionSettings
from slipway import markdown, urns
from slipway.plan.bill.lines import Cost, Line
from slipway.plan.diff import Bill, Diff, Entry, diff
from slipway.plan.model import Plan, Resource
from slipway.review import LIMIT, Review
from slipway.review import markdown as page_of

STACK = urns.stack("dev", "demo")
BUCKET = "aws:s3/bucket:Bucket"
TODAY = date(2026, 11, 22)
NOBODY = Verdict(stack="dev", rules=(), disabled=(), findings=())
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def bucket(name: str, **given_: Any) -> Resource:
    return Resource(urn=urns.child(STACK, BUCKET, name), custom=True, **given_)


def plan(*resources: Resource) -> Plan:
    return Plan(project="demo", stack="dev", resources=(Resource(urn=STACK, custom=False), *resources))


def review(before: Plan, after: Plan, verdict: Verdict = NOBODY, *, first: bool = False) -> str:
    return page_of(Review(found=diff(before, after, TODAY), verdict=verdict, first=first))


def finding(**given_: Any) -> Finding:
    return Finding(
        **{
            "rule": "data-versioned",
            "kind": "violation",
            "level": "mandatory",
            "severity": "high",
            "urn": urns.child(STACK, BUCKET, "models"),
            "path": "versioningConfiguration.status",
            "what": "Suspended; it must be Enabled",
            "fix": "set storage.buckets.models.versioning",
            **given_,
        }
    )


def verdict(*findings: Finding, disabled: tuple[str, ...] = ()) -> Verdict:
    return Verdict(stack="dev", rules=(), disabled=disabled, findings=findings)


def cost(**monthly: float) -> Cost:
    """Lines by name, USD a month as desired; twice that at maximum."""
    lines = tuple(
        Line(area="x", item=item, desired=usd / 730, maximum=2 * usd / 730, basis="", verified=True)
        for item, usd in monthly.items()
    )
    return Cost(region="us-east-1", lines=lines, by_use=(), unpriced=())


def billed(before: Cost, after: Cost) -> str:
    found = Diff(before=plan(), after=plan(), entries=(), fates={}, bill=Bill(before=before, after=after))
    return page_of(Review(found=found, verdict=NOBODY, first=False))


def rows(page: str) -> list[list[str]]:
    """The cells of all tables, as a reader sees them."""
    found: list[list[str]] = []
    in_cell = False
    for token in READER.parse(page):
        if token.type == "tr_open":
            found.append([])
        if token.type in {"td_open", "th_open", "td_close", "th_close"}:
            in_cell = token.nesting > 0
        if in_cell and token.children is not None:
            found[-1].append("".join(each.content for each in token.children if each.type == "text"))
    return found


# What it says.


def test_the_first_line_is_how_the_comment_is_found_again():
    page = review(plan(), plan())
    assert page.startswith("<!-- slipway review: dev -->\n")
    assert "No resource changes." in page


def test_what_comes_changes_is_replaced_and_goes():
    before = plan(
        bucket("stays"),
        bucket("changes", inputs={"acl": "private"}),
        bucket("replaced", inputs={"name": "a"}, replace_on_changes=("name",)),
        bucket("goes"),
        bucket("left", retain_on_delete=True),
    )
    after = plan(
        bucket("stays"),
        bucket("changes", inputs={"acl": "public"}),
        bucket("replaced", inputs={"name": "b"}, replace_on_changes=("name",)),
        bucket("comes"),
    )
    page = review(before, after)
    assert "**1** added, **1** changed, **1** replaced, **1** deleted, **1** kept outside of the stack\n" in page
    assert re.findall(r"<summary>(.*?)</summary>", page) == [
        "Added (1)",
        "Changed (1)",
        "Replaced (1)",
        "Deleted (1)",
        "Out of the stack, and still there (1)",
    ]
    found = rows(page)
    assert ["s3 Bucket", "1", "comes"] in found
    assert ["s3 Bucket changes", "acl", "private", "public"] in found
    assert ["s3 Bucket replaced", "name", "a", "b"] in found
    assert ["s3 Bucket", "1", "goes"] in found
    assert "CAUTION" not in page


def test_what_up_would_refuse_comes_first():
    page = review(plan(bucket("models", protect=True)), plan(), verdict(finding(), finding(level="advisory")))
    assert "> [!CAUTION]\n> `up` would stop: 1 protected resource would go, 1 policy violation.\n" in page
    assert ["s3 Bucket models", "protected, and no longer in the stack file"] in rows(page)
    assert page.index("CAUTION") < page.index("#### Refused") < page.index("#### Policies")


def test_a_new_environment_is_all_new():
    page = review(plan(), plan(bucket("a"), bucket("b")), first=True)
    assert "A new environment: **2** added" in page


def test_the_month_and_its_difference():
    page = billed(cost(nodes=1000, nat=33), cost(nodes=1500, nat=33, fsx=200))
    assert "1,033 \u2192 1,733 USD a month as desired (**+700**), 2,066 \u2192 3,466 at maximum (**+1,400**)." in page
    assert rows(page)[-3:] == [
        ["total", "1,033 \u2192 1,733", "+700", "2,066 \u2192 3,466", "+1,400"],
        ["nodes", "1,000 \u2192 1,500", "+500", "2,000 \u2192 3,000", "+1,000"],
        ["fsx", "0 \u2192 200", "+200", "0 \u2192 400", "+400"],
    ]


def test_less_is_less_and_the_same_is_the_same():
    assert "(**\u2212500**)" in billed(cost(nodes=1500), cost(nodes=1000))
    assert "1,000 USD a month as desired, 2,000 at maximum: the same as before." in billed(
        cost(nodes=1000), cost(nodes=1000)
    )


def test_an_estimate_is_told_from_a_price():
    after = replace(cost(nodes=1000), unpriced=("aws:x/y:Z: no price known",))
    page = billed(cost(nodes=1000), after)
    assert "1,000 \u2192 \u22481,000 USD" in page
    assert "1 item of it with no known price." in page


def test_violations_are_a_table_that_begins_with_what_stops_up():
    page = review(
        plan(),
        plan(),
        verdict(
            finding(rule="cost-gp2", severity="critical", level="advisory"),
            finding(rule="data-encrypted", severity="medium"),
            finding(),
        ),
    )
    assert "#### Policies: 3 violations, 0 excepted, 0 unknown until up" in page
    assert [row[:3] for row in rows(page)] == [
        ["rule", "severity", "level"],
        ["data-versioned", "high", "mandatory"],
        ["data-encrypted", "medium", "mandatory"],
        ["cost-gp2", "critical", "advisory"],
    ]
    assert rows(page)[1][3:] == [
        "aws:s3/bucket:Bucket models: versioningConfiguration.status",
        "Suspended; it must be Enabled",
        "set storage.buckets.models.versioning",
    ]
    assert "`up` would stop: 2 policy violations." in page


def test_what_is_excepted_unknown_or_not_asked_is_told():
    by = ExceptionSettings(
        rule="data-versioned", resource="models", reason="a scratch bucket", owner="ml@x.example", expires="2027-03-31"
    )
    page = review(
        plan(), plan(), verdict(finding(excepted=by), finding(kind="unknown", level="advisory"), disabled=("cost-gp2",))
    )
    assert "#### Policies: no violation, 1 excepted, 1 unknown until up, 1 rule disabled" in page
    where = "aws:s3/bucket:Bucket models: versioningConfiguration.status"
    assert ["data-versioned", where, "a scratch bucket", "ml@\u200bx.example", "2027-03-31"] in rows(page)
    assert ["data-versioned", where] in rows(page)
    assert "CAUTION" not in page


# What nobody can do with a name.


HOSTILE = [
    "a|b",
    "a\\|b",
    "a\\",
    "</details><script>x</script>",
    "<!-- slipway review: prod -->",
    "`x`",
    "``",
    "**bold** _it_ ~~no~~",
    "[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "www.evil.example",
    "https://evil.example",
    "<https://evil.example>",
    "@everyone",
    "org/repo#1",
    "#1",
    "GH-1",
    "&lt;b&gt;",
    "| --- | --- |",
    "$x$",
    ":tada:",
    "- [ ] task",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_ever_a_name(name):
    page = review(plan(), plan(bucket(name)), verdict(finding(what=name, fix=name, path=name, rule=name)))
    cell = rows(page)[1]
    seen = " ".join(name.split())
    assert cell[0] == seen
    assert cell[3] == f"aws:s3/bucket:Bucket models: {seen}"
    # The words of a finding are no code, so there a mention is broken by a space without width.
    assert cell[4].replace("\u200b", "") == seen
    assert not re.search(r"[@#]\w|GH-\d", cell[4])
    assert rows(page)[-1][2] == seen


def harmless(page: str) -> None:
    allowed = {"<code>", "</code>"}
    blocks = {"<details>", "</details>", "<summary>", "</summary>"}
    for token in READER.parse(page):
        if token.type == "html_block":
            text = re.sub(r"(<summary>)[\w (),]*(</summary>)", r"\1\2", token.content.strip())
            assert text.startswith("<!-- slipway review: ") or set(re.findall(r"<[^>]*>", text)) <= blocks, text
        for child in token.children or ():
            assert child.type not in {"link_open", "image", "em_open", "s_open"}, child
            assert child.type != "code_inline" or child.content == "up"
            if child.type == "html_inline":
                assert child.content in allowed
    assert not re.search(r"https?://|www\.", page)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_markdown_html_a_link_or_a_second_cell(name):
    found = finding(what=name, fix=name, path=name, rule=name)
    entry = Entry(action="add", urn=STACK, type=BUCKET, name=name)
    bill = Bill(before=cost(), after=cost(**{name: 1.0}))
    given_ = Diff(before=plan(), after=plan(), entries=(entry,), fates={}, bill=bill)
    page = page_of(Review(found=given_, verdict=verdict(found), first=False))
    page.encode()
    harmless(page)
    assert [len(row) for row in rows(page)] == [6, 6, 3, 3, 5, 5, 5]
    assert page.count("<!-- slipway review") == 1
    assert page.count("<details>") == page.count("</details>") == 2


@given(st.text())
def test_text_stays_on_one_line_and_short(text):
    for written in (markdown.prose(text), markdown.code(text)):
        assert written.isprintable() or "\u200b" in written
        assert len(re.sub(r"&#\d+;", "x", written).replace("\u200b", "")) <= 300 + len("<code></code>")


def test_what_turns_letters_around_is_left_out():
    assert markdown.code("a\u202eb\u2066c\x00d\x1be\ud800f") == "<code>abcdef</code>"


# What has no room.


@pytest.mark.parametrize("count", [10, 500, 2000])
def test_it_fits_and_says_what_is_cut(count):
    entries = tuple(
        Entry(action="change", urn=STACK, type=BUCKET, name=f"bucket-{index}", why="because" * 20)
        for index in range(count)
    )
    found = Diff(before=plan(), after=plan(), entries=entries, fates={}, bill=Bill(before=cost(), after=cost()))
    page = page_of(Review(found=found, verdict=NOBODY, first=False))
    assert len(page.encode()) <= LIMIT == 65536
    shown = sum("bucket-" in row[0] for row in rows(page) if row)
    left = re.search(r"_(\d+) more rows left out: a comment has its limit_", page)
    assert shown + (int(left[1]) if left else 0) == count
    assert bool(left) == (count > 10)
    assert f"**{count}** changed" in page
    assert f"Changed ({count})" in page


def test_tables_that_cannot_have_one_row_leave_their_counts():
    long = "|" * 300
    findings = [finding(what=long, fix=long, path=long, rule=long) for _ in range(1000)]
    kinds = [Entry(action="add", urn=STACK, type=f"aws:{index}/b:{long}", name=long) for index in range(1000)]
    bill = Bill(before=cost(), after=cost(**{f"{long}{index}": 1.0 for index in range(300)}))
    found = Diff(before=plan(), after=plan(), entries=tuple(kinds), fates={}, bill=bill)
    page = page_of(Review(found=found, verdict=verdict(*findings), first=False))
    assert len(page.encode()) <= LIMIT
    assert "1000 violations" in page
    assert "Added (1000)" in page


def test_of_a_kind_with_many_names_the_first_are_named():
    page = review(plan(), plan(*(bucket(f"b{index}") for index in range(40))))
    (row,) = (row for row in rows(page) if row[0] == "s3 Bucket")
    assert row[1] == "40"
    assert row[2].endswith("b24, 15 more")
