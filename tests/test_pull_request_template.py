"""A repository's own template for pull requests: where it is found, what is filled in, and what stays open."""

from __future__ import annotations

import pytest

from bot.comments.template import LIMIT, Answers, find_template, opening
from bot.domain import Check, CheckKind, CheckResult, Evidence, Failure, Proof, RedKind, Success

EVIDENCE = Evidence(
    proofs=(Proof("src/lib.rs::a", RedKind.ASSERTION, True), Proof("src/lib.rs::b", RedKind.TODO, True)),
    checks=(
        CheckResult(Check(CheckKind.FMT, "cargo fmt --check"), Success(), 0.1),
        CheckResult(Check(CheckKind.CLIPPY, "cargo clippy"), Failure(101), 0.1),
        CheckResult(Check(CheckKind.TEST, "cargo test"), Success(), 0.1),
    ),
)
ANSWERS = Answers("Prints it.", 7, EVIDENCE, ("src/lib.rs", "CHANGELOG.md"))


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["src/lib.rs"], None),
        (["PULL_REQUEST_TEMPLATE.md", "docs/pull_request_template.md"], "PULL_REQUEST_TEMPLATE.md"),
        (["pull_request_template.md", ".github/PULL_REQUEST_TEMPLATE.md"], ".github/PULL_REQUEST_TEMPLATE.md"),
        (["other/pull_request_template.md"], None),
        ([".github/PULL_REQUEST_TEMPLATE/one.md"], ".github/PULL_REQUEST_TEMPLATE/one.md"),
        ([".github/PULL_REQUEST_TEMPLATE/one.md", ".github/PULL_REQUEST_TEMPLATE/two.md"], None),
    ],
)
def test_the_template_is_the_one_that_github_would_offer(paths: list[str], found: str | None) -> None:
    assert find_template(paths) == found


def test_headings_that_ask_for_what_is_known_get_it_and_remarks_to_authors_go() -> None:
    template = """<!-- Thank you! -->
## What does this change?

<!-- Tell us. -->

## Related issues

Fixes #

## How was it tested?

## Screenshots

None.
"""
    assert opening(template, ANSWERS) == (
        "## What does this change?\n\nPrints it.\n\n## Related issues\n\nCloses #7.\n\n## How was it tested?\n\n"
        "2 new tests were red without the change and green with it; the table below names them.\n\n## Screenshots\n\nNone."
    )


def test_a_box_is_ticked_only_where_it_is_known_to_hold() -> None:
    template = """## Checklist
- [ ] I have added tests
- [ ] `cargo fmt` was run
- [ ] `cargo clippy` is quiet
- [ ] All tests pass
- [ ] The changelog has an entry
- [ ] I have read CONTRIBUTING
- [ ] This is a breaking change that adds tests
"""
    ticks = [line[3] for line in opening(template, ANSWERS).splitlines() if line.startswith("- [")]
    assert ticks == ["x", "x", " ", "x", "x", " ", " "]


def test_what_a_template_has_no_place_for_comes_first() -> None:
    assert opening("Please be kind.", ANSWERS) == "Prints it.\n\nCloses #7.\n\nPlease be kind."
    assert opening("## Description", ANSWERS) == "Closes #7.\n\n## Description\n\nPrints it."


@pytest.mark.parametrize("template", ["", "<!-- only for authors -->", "## What\n" + "x" * LIMIT])
def test_without_a_form_the_plain_words_stand(template: str) -> None:
    assert opening(template, ANSWERS) == "Prints it.\n\nCloses #7."


def test_a_heading_inside_of_code_is_none() -> None:
    assert "# Description of nothing\n\nPrints" not in opening("```sh\n# Description of nothing\n```\n", ANSWERS)
