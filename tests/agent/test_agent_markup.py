"""Nothing that an author writes may hide a part of itself, or of what stands below it, from those who read it on GitHub."""

from __future__ import annotations

import pytest

from bot.agent.markup import hides
from bot.agent.submit import Expected, Rejected, parse
from bot.domain import Assignment

SEEN = (
    "",
    "Plain words about `Vec<T>` and `<!-- a remark -->`, 3 < 4 && 5 > 4.",
    "Run it:\n\n```console\n$ cat README.md\n<!-- begin -->\n```\n\nThen look.",
    "````md\n```\nnested\n```\n````",
    "- first\n\n  ```rust\n  let a = 1;\n  ```\n- second",
    "> ```\n> quoted\n> ```",
    "~~~\na\n~~~~",
    "    <!-- indented code -->",
    "<details>\n<summary>More</summary>\n\nIt is long.\n\n</details>",
    "Line<br>break, H<sub>2</sub>O, <!",
)
HIDDEN = {
    "Good.\n\n<!-- and nobody knows": "it holds `<!--` outside of code",
    "Good.\n<!-- nobody knows -->\nBad.": "it holds `<!--` outside of code",
    "Good <!-- nobody knows --> and bad.": "it holds `<!--` outside of code",
    "<?php": "it holds `<?` outside of code",
    "Good.\n\n<![CDATA[ x": "it holds `<![CDATA[` outside of code",
    "See:\n\n```rust\nlet a = 1;": "a block of code in it is not closed",
    "See:\n\n```": "a block of code in it is not closed",
    "````\na\n```\n": "a block of code in it is not closed",
    "~~~\na\n```": "a block of code in it is not closed",
    "<details>\n\nIt is long.": "`<details>` in it is not closed",
    "It is <DETAILS open>long": "`<details>` in it is not closed",
    "<table><tr><td>\n\na": "`<table>` in it is not closed",
}


@pytest.mark.parametrize("text", SEEN)
def test_what_everybody_can_see_is_not_complained_about(text: str) -> None:
    assert hides(text) == ""


@pytest.mark.parametrize("text", HIDDEN)
def test_what_hides_something_is_named(text: str) -> None:
    assert hides(text).startswith(HIDDEN[text])


def test_a_change_whose_words_would_hide_the_proof_below_them_is_sent_back() -> None:
    given = {"title": "Saturate", "summary": "It saturates.\n\n<!-- ", "notes": "```\n", "deviations": "None."}
    change = parse(Assignment.BUILD, given, Expected())
    assert isinstance(change, Rejected)
    assert change.problems == (
        "summary: it holds `<!--` outside of code, and what stands there nobody would see.",
        "notes: a block of code in it is not closed, so that all that follows would be code.",
    )
    given |= {"summary": "It saturates.", "notes": "```\n1\n```"}
    assert not isinstance(parse(Assignment.BUILD, given, Expected()), Rejected)
