"""The RFC as a document: how it is rendered, what its digest is bound to, and whether its citations hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain import Citation, Criterion, Foreseen, ForeseenFile, ForeseenItem, ItemChange, Semver, Task
from bot.rfc import citations, document
from bot.rfc.draft import Alternative, Question, RfcDraft

COMMIT, URL = "a" * 40, "https://github.example/o/r"
DRAFT = RfcDraft(
    title="Stop at the largest number",
    summary="It panics. It will saturate. Nothing else changes.",
    vision="A panic is a surprise, see `src/lib.rs:5`.",
    example="```rust\nassert_eq!(double(200), 255);\n```",
    current_behaviour="`number * 2` at src/lib.rs:5, tested in tests/a.rs:9.",
    design="```rust\n// src/lib.rs:5\nnumber.saturating_mul(2)\n```",
    foreseen=Foreseen(
        (
            ForeseenFile("src/lib.rs", (ForeseenItem("pub fn a|b", ItemChange.CHANGE, Semver.PATCH),), "and its docs"),
            ForeseenFile("CHANGELOG.md", (), "a line"),
        ),
        ("itoa",),
        ("std",),
    ),
    compatibility="The minimum Rust version stays.",
    alternatives=(Alternative("An `Option`.", "Callers."), Alternative("Nothing.", "The panic stays.")),
    criteria=(
        Criterion("AC-1", "`a | b` is\nkept.", "keeps"),
        Criterion("AC-2", "It is fast.", "`tests/a.rs` and `tests/b.rs`"),
        Criterion("AC-3", "It is small."),
    ),
    non_goals="",
    risks="None.",
    questions=(Question("maintainers", "Now or later?", "Now."),),
    citations=(Citation("src/lib.rs", 5, "number * `2`"),),
    tasks=(Task("T1", "Saturate", ("AC-1",), ("src/lib.rs",)),),
)


def rendered(draft: RfcDraft = DRAFT) -> str:
    return document.render(draft, base_commit=COMMIT, repository_url=URL)


def link(path: str, line: int) -> str:
    return f"[`{path}:{line}`]({URL}/blob/{COMMIT}/{path}#L{line})"


def test_a_citation_that_was_checked_becomes_a_permalink_with_or_without_backticks() -> None:
    assert f"A panic is a surprise, see {link('src/lib.rs', 5)}." in rendered()
    assert f"`number * 2` at {link('src/lib.rs', 5)}, tested in tests/a.rs:9." in rendered()


def test_a_citation_inside_code_stays_as_it_is() -> None:
    assert "// src/lib.rs:5\n" in rendered()


def test_the_criteria_stand_word_for_word_with_the_tests_that_will_prove_them() -> None:
    assert "- **AC-1** `a | b` is\n  kept.\n  <sub>proven by `keeps`</sub>\n" in rendered()
    assert "proven by `tests/a.rs` and `tests/b.rs`" in rendered()
    assert "- **AC-3** It is small.\n\n" in rendered()


def test_a_section_without_words_is_left_out() -> None:
    assert "Not part of this" not in rendered()
    assert "### Not part of this\n\nSpeed." in rendered(replace(DRAFT, non_goals="Speed."))
    assert "Open questions" not in rendered(replace(DRAFT, questions=()))


def test_details_are_closed_and_their_markdown_is_set_off_by_blank_lines() -> None:
    text = rendered()
    assert text.count("<details>") == text.count("</details>") == 3
    assert "</summary>\n\n- An `Option`. *Not chosen:* Callers.\n" in text


def test_a_quote_with_backticks_is_fenced_by_more_of_them() -> None:
    assert f"- {link('src/lib.rs', 5)}: `` number * `2` ``" in rendered()


def test_a_reader_with_the_criteria_beside_it_gets_the_document_without_them_and_without_links() -> None:
    text = document.for_reading(rendered())
    assert "AC-1" not in text and "https://" not in text and "Implementation plan" not in text
    assert "see `src/lib.rs:5`." in text and "### Risks and edge cases\n\nNone." in text


@pytest.mark.parametrize("change", [lambda body: body + "\n\n", lambda body: body.replace("\n", "  \r\n")])
def test_the_digest_is_bound_to_the_content_not_to_blanks_and_line_ends(change: Callable[[str], str]) -> None:
    assert document.digest(change(rendered())) == document.digest(rendered())


def test_another_word_is_another_digest() -> None:
    assert document.digest(rendered()) != document.digest(rendered(replace(DRAFT, risks="Some.")))


def test_a_published_version_keeps_its_criteria_base_and_digest() -> None:
    rfc = document.publish(DRAFT, version=3, base_commit=COMMIT, repository_url=URL)
    assert (rfc.version, rfc.base_commit, rfc.criteria) == (3, COMMIT, DRAFT.criteria)
    assert rfc.digest == document.digest(rfc.body) and len(rfc.digest) == 64


def test_files_and_items_stand_in_a_table_with_what_they_mean_for_users() -> None:
    text = rendered()
    assert "| `src/lib.rs` | `pub fn a\\|b` | changed | patch |\n| | and its docs | | |\n" in text
    assert "New dependencies: itoa.\n\nFeatures: std." in text


def test_a_question_names_who_can_answer_it_and_what_is_built_otherwise() -> None:
    assert "1. **For maintainers:** Now or later? *Recommended:* Now." in rendered()


def test_what_could_not_be_verified_is_marked_and_not_linked() -> None:
    text = rendered(replace(DRAFT, unverified=("src/lib.rs:5",)))
    assert "see `src/lib.rs:5` (⚠️ *not verified*)" in text and "/blob/" not in text


# --- citations -------------------------------------------------------------------------------------------------------

SOURCE = b"//! Doubles.\n\n/// Twice.\npub fn double(n: u8) -> u8 {\n    n * 2\n}\n\nfn a() {}\nfn b() {}\nfn c() {}\n"


def problems(*cited: Citation) -> tuple[str, ...]:
    found = citations.problems(cited, {"src/lib.rs": SOURCE, "bytes": b"\xff\xfe\n"}.get)
    return tuple(wrong.problem for wrong in found)


@pytest.mark.parametrize("line", [2, 4, 5, 6, 8])
def test_a_quote_may_stand_up_to_three_lines_away(line: int) -> None:
    assert problems(Citation("src/lib.rs", line, "n * 2")) == ()


def test_blanks_in_a_quote_do_not_count_and_a_quote_may_have_several_lines() -> None:
    assert problems(Citation("src/lib.rs", 4, "pub fn double(n: u8)   -> u8 {\n  n * 2")) == ()


def test_a_citation_without_a_quote_holds_if_the_line_is_there() -> None:
    assert problems(Citation("src/lib.rs", 10), Citation("bytes", 1)) == ()


def test_a_quote_on_another_line_is_told_with_that_line_and_what_stands_here() -> None:
    (problem,) = problems(Citation("src/lib.rs", 10, "Doubles"))
    assert problem == "src/lib.rs:10: `Doubles` is not there; it stands on line 1. The line reads: `fn c() {}`."


def test_a_quote_that_is_nowhere_is_told() -> None:
    (problem,) = problems(Citation("src/lib.rs", 5, "n * 3"))
    assert "it stands nowhere in the file" in problem


@pytest.mark.parametrize("line", [0, -1, 11])
def test_a_line_that_the_file_does_not_have_is_told(line: int) -> None:
    assert problems(Citation("src/lib.rs", line, "x")) == (f"src/lib.rs:{line}: the file has 10 lines.",)


def test_a_file_that_is_not_there_is_told() -> None:
    assert problems(Citation("src/main.rs", 1, "x")) == (
        "src/main.rs:1: there is no file src/main.rs at the base commit.",
    )
