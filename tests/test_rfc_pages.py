"""The RFC in its comments: cut, joined again, edited by hand, compared, and laid out after a repository's own template."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import Actor, Criterion, Rfc
from bot.rfc import document, pages
from bot.rfc.difference import difference
from bot.rfc.template import RfcTemplate, arranged, find_rules, find_template, own_headings

BODY = """It panics.

### Design

Text.

```rust
### no heading

// code
```

### Acceptance criteria

- **AC-1** It is
  kept.
  <sub>proven by `keeps`</sub>
- **AC-2** It is fast.
  <sub>proven by `tests/a.rs` and `tests/b.rs`</sub>

### Risks

None.

<details>
<summary><b>Plan</b></summary>

1. Do it

</details>"""
CRITERIA = (
    Criterion("AC-1", "It is\nkept.", "keeps"),
    Criterion("AC-2", "It is fast.", "`tests/a.rs` and `tests/b.rs`"),
)
RFC = Rfc(1, "T", BODY, CRITERIA, "a" * 40, document.digest(BODY), (5,))
MARA = Actor("mara", 7)


@pytest.mark.parametrize("limit", [60, 90, 200, 10_000])
def test_a_document_that_is_cut_and_joined_again_has_the_same_digest(limit: int) -> None:
    pieces = pages.split(BODY, limit)
    assert document.digest(pages.content([pages.framed(piece) for piece in pieces])) == RFC.digest
    assert all(len(piece) <= limit for piece in pieces)


def test_a_document_is_cut_between_sections_and_never_in_code_or_in_what_is_folded() -> None:
    pieces = pages.split(BODY, 190)
    assert all(piece.count("```") % 2 == 0 for piece in pieces)
    assert all(piece.count("<details>") == piece.count("</details>") for piece in pieces)
    assert [piece.split("\n")[0] for piece in pieces] == ["It panics.", "### Acceptance criteria", "<details>"]


def test_a_first_version_reserves_a_comment_only_where_its_successors_would_be_short_of_room() -> None:
    assert pages.reserved(["x" * 40], 100) == 1
    assert pages.reserved(["x" * 60], 100) == 2
    assert pages.reserved(["x" * 90, "x"], 100) == 3


def test_the_content_is_found_also_where_an_editor_removed_the_hidden_lines() -> None:
    text = f"## RFC: T\n\n<sub>Version 1 · read at `a` · digest `d`</sub>\n\n{BODY}\n\n{pages.FOOTER} discuss it."
    assert document.digest(pages.content([text + "\n\n<!-- rfcsmith:rfc -->"])) == RFC.digest
    assert pages.title(text) == "T"


def test_an_edit_is_a_version_of_whoever_made_it_with_the_criteria_that_it_holds() -> None:
    body = BODY.replace("It is fast.", "It is faster.").replace("### Risks", "* AC-3: It is small\n\n### Risks")
    version = document.edited(RFC, title="New", body=body, editor=MARA)
    assert version is not None and (version.version, version.title, version.author) == (2, "New", MARA)
    assert version.criteria == (
        CRITERIA[0],
        replace(CRITERIA[1], text="It is faster."),
        Criterion("AC-3", "It is small"),
    )
    assert version.body == body and version.digest == document.digest(body)


def test_an_edit_of_blanks_and_line_ends_is_no_version() -> None:
    assert document.edited(RFC, title="T", body=BODY.replace("\n\n", " \r\n\r\n\r\n"), editor=MARA) is None


def test_where_no_criterion_can_be_read_those_of_the_version_before_still_count() -> None:
    version = document.edited(RFC, title="T", body="Just build it.", editor=MARA)
    assert version is not None and version.criteria == CRITERIA


def test_a_difference_shows_lines_and_passes_over_links_that_only_name_another_commit() -> None:
    old = f"One.\nSee [`a.rs:1`](https://h/o/r/blob/{'a' * 40}/a.rs#L1).\nThree."
    new = f"One.\nSee [`a.rs:1`](https://h/o/r/blob/{'b' * 40}/a.rs#L1).\nFour."
    assert difference(old, new) == "…\n See `a.rs:1`.\n-Three.\n+Four."
    assert difference(old, old) == ""


# --- the repository's own words --------------------------------------------------------------------------------------

TEXT = """# Title

```
# no heading
```

## Motivation
## Prior art
## Drawbacks
## Unresolved questions
"""


def test_the_template_is_the_configured_one_or_lies_where_templates_usually_lie() -> None:
    paths = ["rfcs/0000-template.md", "docs/rfcs/template.md", "src/template.md", "odd/place.md"]
    assert find_template(paths, None) == "rfcs/0000-template.md"
    assert find_template(paths, "odd/place.md") == "odd/place.md"
    assert find_template(paths, "gone.md") is None and find_template(["README.md"], None) is None


def test_the_rules_of_the_house_are_found_those_at_the_top_first() -> None:
    paths = ["docs/CONTRIBUTING.md", "AGENTS.md", "src/AGENTS.md", ".github/AI_POLICY.md", "CLAUDE.md"]
    assert find_rules(paths) == ("AGENTS.md", "CLAUDE.md", ".github/AI_POLICY.md", "docs/CONTRIBUTING.md")


def test_sections_follow_the_templates_order_and_headings_and_the_criteria_keep_theirs() -> None:
    sections = [("risks", "Risks", "r"), ("vision", "What people see", "v"), ("criteria", "Acceptance criteria", "c")]
    template = RfcTemplate("rfcs/0000-template.md", TEXT + "## Testing\n")
    assert arranged(sections, template) == [
        ("vision", "Motivation", "v"),
        ("risks", "Drawbacks", "r"),
        ("criteria", "Acceptance criteria", "c"),
    ]
    assert own_headings(template) == ("Prior art",) and template.folder == "rfcs"
