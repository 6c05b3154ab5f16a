"""Reviews as batches: what starts a round, what joins the one that waits, what is asked about, and what is only talk."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.github.state import PullRequest, Thread
from simulator.messages.brain import Block, Request, call
from simulator.town import MAINTAINER
from tests.story import crate
from tests.story.author import answer_every_thread, check, submit_review, submit_rfc, write
from tests.story.tester import WRITER, Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

HOSTILE = "Please name the number, @mallory, as in #1.\n\nSigned-off-by: Mallory <m@example.org>"
BOT, OTHER_BOT = "lintbot[bot]", "chatterbot[bot]"


def _remark(tester: Tester, pull_request: PullRequest, who: str, event: str, text: str, body: str = "") -> Thread:
    draft = {"path": crate.LIBRARY_PATH, "line": 3, "side": "RIGHT", "body": text}
    person = tester.person(who)
    with tester.github.world.lock:
        tester.town.changes.review(pull_request, person, event=event, body=body, comments=[draft])
        return pull_request.threads[-1]


def _answers(tester: Tester, thread: Thread) -> list[str]:
    with tester.github.world.lock:
        return [comment.body for comment in thread.comments if comment.author is tester.town.bot]


def _briefs(tester: Tester) -> list[str]:
    """What the rounds of this repository were begun with, each once."""
    firsts = [str((exchange.body.get("messages") or [""])[0]) for exchange in tester.world.messages.requests]
    own = [text for text in firsts if "The remarks on pull request" in text and tester.repository.full_name in text]
    return list(dict.fromkeys(own))


def test_reviews_that_come_while_a_round_waits_are_answered_in_one_commit_of_all_their_authors(tester: Tester) -> None:
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    before = len(tester.town.commits(pull_request))
    first = _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", HOSTILE, "One remark.")
    second = _remark(tester, pull_request, WRITER, "COMMENT", "And say what saturates.", "One more.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    (brief,) = _briefs(tester)
    assert brief.count("src/lib.rs:3 at the head; thread R") == 2 and brief.count("-/// Twice `number`.") >= 3
    assert ">     3 /// Twice `number`, or the largest number there is." in brief
    assert [len(_answers(tester, thread)) for thread in (first, second)] == [1, 1]
    assert len(tester.town.commits(pull_request)) == before + 1
    message = tester.repository.git.commit(pull_request.head_sha).message
    assert message.startswith("The comment is exact now\n\nsrc/lib.rs:3: Please name the number, mallory, as in no. 1.")
    assert f"({MAINTAINER})\n  It names the number now.\nsrc/lib.rs:3: And say what saturates. ({WRITER})\n" in message
    assert f"Co-authored-by: {MAINTAINER} <" in message and f"Co-authored-by: {WRITER} <" in message
    assert "Signed-off-by:" not in message and message.count("Co-authored-by:") == 2
    assert {person.login for person in pull_request.requested_reviewers} == {MAINTAINER, WRITER}
    assert not first.resolved_by and not second.resolved_by


def test_an_approval_with_remarks_is_asked_about_and_a_word_to_the_bot_starts_the_round(tester: Tester) -> None:
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    thread = _remark(tester, pull_request, MAINTAINER, "APPROVE", "Could name the number.")
    asked = "You approved, and left remarks. Shall I take them up now?"
    wait_for("the question", lambda: any(asked in body for body in tester.bot_comments(pull_request.issue)))
    assert _answers(tester, thread) == []
    tester.town.comment(pull_request.issue, tester.town.maintainer, f"@{tester.github.app.slug} yes, please")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert len(_answers(tester, thread)) == 1


def test_talk_between_people_starts_nothing_and_a_reply_in_an_answered_thread_does(
    tester: Tester,
) -> None:
    tester.has_files({".github/rfcsmith.toml": "resolve_threads = true\n"})
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    with tester.github.world.lock:
        tester.town.changes.review(pull_request, tester.person(WRITER), event="COMMENT", body="I like this one.")
    _remark(tester, pull_request, WRITER, "COMMENT", "Walt, to whoever reads along: neat.")
    tester.world.wait_until_quiet()
    assert not tester.status(pull_request.issue, "review"), "a single remark is talk"
    thread = _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please name the number.", "One remark.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert len(_answers(tester, thread)) == 1 and thread.resolved_by is tester.town.bot
    with tester.github.world.lock:
        tester.town.changes.unresolve(thread, tester.town.maintainer)
        tester.town.changes.reply(thread, tester.person(WRITER), "Not quite: which number?")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    message = tester.repository.git.commit(pull_request.head_sha).message
    assert f"Co-authored-by: {MAINTAINER} <" in message, "who opened the thread had a part in it"
    brief = _briefs(tester)[-1]
    assert "# Thread R1 (outdated" in brief and "remark 2: your own answer" in brief
    assert f'author="@{WRITER}" standing="maintainer: decides"' in brief
    assert len(_answers(tester, thread)) == 2
    runs = [run for run in tester.world.bot.report()["runs"] if run["repository"] == tester.repository.full_name]
    assert [run["kind"] for run in runs].count("review") == 2


def test_what_is_called_done_although_nothing_changed_is_asked_for_again_and_told_as_that(tester: Tester) -> None:
    placed = {"thread": "R1", "kind": "done", "text": "`src/lib.rs:3` names it."}
    tester.author_says(review=[[submit_review()], [_review([placed])]])
    pull_request = tester.implement(tester.with_rfc())
    before = pull_request.head_sha
    thread = _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please name the number.", "One remark.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert "but R1 is answered with `done`. Make the change; if it is so already, say" in tester.told_the_model()
    (answer,) = _answers(tester, thread)
    assert answer.startswith("Nothing had to change for it. `src/lib.rs:3` names it.")
    assert pull_request.head_sha == before


def test_words_of_a_review_are_read_whoever_started_the_round_and_only_once(tester: Tester) -> None:
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    gate = tester.hold("review")
    slow = tester.world.trouble("slow", "issues/create-comment", method="POST", seconds=8)
    with tester.github.world.lock:
        tester.town.changes.comment(
            pull_request.issue, tester.town.maintainer, f"@{tester.github.app.slug} please read it once more"
        )
    # Whoever spoke in free words has opened the round, which has not begun to read: the review joins it.
    tester.world.wait_until_it_struck(slow)
    with tester.github.world.lock:
        tester.town.changes.review(
            pull_request, tester.person(WRITER), event="REQUEST_CHANGES", body="The comment hides a platypus."
        )
    gate.wait_until_reached()
    (brief,) = _briefs(tester)
    assert "platypus" in brief and "please read it once more" in brief
    gate.open()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    _remark(tester, pull_request, MAINTAINER, "COMMENT", "Please name the number.", "Once more.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    last = _briefs(tester)[-1]
    assert "platypus" not in last, "it was answered in the round before"


def test_tests_that_a_round_adds_are_shown_red_without_it_or_told_as_what_was_so_already(tester: Tester) -> None:
    tripled = (
        crate.SATURATING + "\n/// Three times.\npub fn triple(number: u8) -> u8 {\n    number.saturating_mul(3)\n}\n"
    )
    pin = crate.TESTS.replace("the_largest_number_stays", "no_number_is_too_large") + (
        "\n#[test]\nfn nothing_stays_nothing() {\n    assert_eq!(double(0), 0);\n}\n"
    )
    new = "#[test]\nfn three_times() {\n    assert_eq!(doubler::triple(2), 6);\n}\n"
    writes = [write(crate.LIBRARY_PATH, tripled), write(crate.TESTS_PATH, pin), write("tests/tripling.rs", new)]
    tester.author_says(review=[[*writes, check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    assert "| 🔴 failed | 🟢 passes |" in pull_request.issue.body
    _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please triple as well, and pin zero.", "Two things.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    body = pull_request.issue.body
    assert "`tests/tripling.rs::three_times` | 🔴 did not compile | 🟢 passes |" in body
    assert "`tests/doubling.rs::nothing_stays_nothing` | 🟢 passed | 🟢 passes |" in body
    renamed = (
        "`tests/doubling.rs::no_number_is_too_large` | 🔴 failed, as `tests/doubling.rs::the_largest_number_stays` |"
    )
    assert f"| **AC-1** | `double(u8::MAX)` is `u8::MAX`. | {renamed} 🟢 passes |" in body
    assert "`tests/doubling.rs::the_largest_number_stays`: " not in body, "a name is no matter for people"
    assert "tests/tripling.rs::two_is_doubled" not in body

    tester.author_says(review=[[write(crate.LIBRARY_PATH, tripled + "// The end.\n"), check()], answer_every_thread])
    _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please mark the end.", "One more.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    body = pull_request.issue.body
    assert f"| {renamed} 🟢 passes |" in body
    assert "`tests/tripling.rs::three_times` | 🔴 did not compile | 🟢 passes |" in body
    assert "`tests/doubling.rs::nothing_stays_nothing` | 🟢 passed | 🟢 passes |" in body


def test_a_criterion_is_traced_to_the_test_that_took_the_place_of_another_or_tells_that_a_review_had_it_taken_out(
    tester: Tester,
) -> None:
    other = crate.TESTS.replace(crate.NEW_TEST, "\n#[test]\nfn it_stops() {\n    assert_eq!(double(200), 255);\n}\n")
    replaced = call(
        "submit_review",
        summary="The test has a plain number now.",
        answers=[{"thread": "R1", "kind": "done", "text": "Replaced."}],
        tests=[{"name": "it_stops", "criteria": ["AC-1"]}],
    )
    tester.author_says(review=[[write(crate.TESTS_PATH, other), replaced]])
    pull_request = tester.implement(tester.with_rfc())
    _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please test a plain number.", "One thing.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    row = "| **AC-1** | `double(u8::MAX)` is `u8::MAX`. | "
    body = pull_request.issue.body
    assert f"{row}`tests/doubling.rs::it_stops` | 🟢 passed already when a review brought it | 🟢 passes |" in body
    assert "- `tests/doubling.rs::the_largest_number_stays`: removed" in body, "people judge what goes"

    before = write(crate.TESTS_PATH, crate.CRATE[crate.TESTS_PATH])
    tester.author_says(review=[[before, check()], answer_every_thread])
    _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "Please drop that test.", "One more.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    gone = (
        "~~`tests/doubling.rs::the_largest_number_stays`~~ | 🔴 failed | **not proven any more: a review had this test"
    )
    assert f"{row}{gone} taken out** |" in pull_request.issue.body


def test_a_bot_that_the_repository_names_is_answered_and_another_is_not(tester: Tester) -> None:
    tester.has_files({".github/rfcsmith.toml": f'review_bots = ["{BOT}"]\n'})
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    with tester.github.world.lock:
        for login in (BOT, OTHER_BOT):
            tester.github.world.add_user(login, kind="Bot")
    other = _remark(tester, pull_request, OTHER_BOT, "COMMENT", "Consider a longer name.", "1 finding.")
    tester.world.wait_until_quiet()
    assert not tester.status(pull_request.issue, "review"), "nobody has named it"
    named = _remark(tester, pull_request, BOT, "COMMENT", "Please name the number.", "1 finding.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert [len(_answers(tester, thread)) for thread in (other, named)] == [0, 1]


def test_suggestions_of_two_people_are_applied_word_for_word_in_one_commit(tester: Tester) -> None:
    tester.author_says(review=[answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    before = len(tester.town.commits(pull_request))
    first = tester.suggest(pull_request, crate.LIBRARY_PATH, (3, 3), "/// Twice `number`,\n/// at most 255.\n")
    panicked = "/// It panicked.\n#[test]\nfn the_largest_number_stays() {\n"
    second = tester.suggest(pull_request, crate.TESTS_PATH, (8, 9), panicked, WRITER)
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert len(tester.town.commits(pull_request)) == before + 1
    files = tester.text_at(pull_request.head_sha)
    assert files[crate.LIBRARY_PATH] == crate.SATURATING.replace(
        "/// Twice `number`, or the largest number there is.", "/// Twice `number`,\n/// at most 255."
    )
    assert files[crate.TESTS_PATH] == crate.TESTS.replace("#[test]\nfn the_l", "/// It panicked.\n#[test]\nfn the_l")
    message = tester.repository.git.commit(pull_request.head_sha).message
    assert f"Co-authored-by: {MAINTAINER} <" in message and f"Co-authored-by: {WRITER} <" in message
    assert f"src/lib.rs:3: a suggestion ({MAINTAINER})\n  Applied as suggested." in message
    for thread in (first, second):
        (answer,) = _answers(tester, thread)
        assert answer.startswith(f"Applied as suggested in {pull_request.head_sha[:12]}.") and "It names" not in answer


def test_a_suggestion_that_breaks_a_check_is_changed_and_one_on_a_workflow_is_not_applied(tester: Tester) -> None:
    tester.author_says(review=[[_done_but_not("R2")], [write(crate.LIBRARY_PATH, crate.REWORDED), _done_but_not("R2")]])
    pull_request = tester.implement(tester.with_rfc())
    workflow = ".github/workflows/later.yml"
    tester.push(pull_request.head, {workflow: "on: push\n"})
    breaking = tester.suggest(pull_request, crate.LIBRARY_PATH, (5, 5), "    number.saturating_mul(3)\n")
    forbidden = tester.suggest(pull_request, workflow, (1, 1), "on: pull_request\n")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    files = tester.text_at(pull_request.head_sha)
    assert files[crate.LIBRARY_PATH] == crate.REWORDED and files[workflow] == "on: push\n"
    (brief,) = _briefs(tester)
    assert brief.count("is in the workspace already, word for word") == 1
    (answer,) = _answers(tester, breaking)
    assert answer.startswith(f"Done in {pull_request.head_sha[:12]}, but not word for word as suggested. With it")
    (answer,) = _answers(tester, forbidden)
    assert answer.startswith("With it")


def _done_but_not(declined: str) -> Block:
    answers = [
        {"thread": id, "kind": "declined" if id == declined else "done", "text": "With it a test fails."}
        for id in ("R1", "R2")
    ]
    return _review(answers)


def _review(answers: Sequence[dict[str, str]]) -> Block:
    return call("submit_review", summary="The comment is exact now.", answers=answers)


def test_a_remark_against_the_rfc_waits_until_the_rfc_is_amended(tester: Tester) -> None:
    tester.author_says(rfc=[_rfc_with_a_panic], review=[_amend_first, [submit_review()]])
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    before = pull_request.head_sha
    thread = _remark(tester, pull_request, MAINTAINER, "REQUEST_CHANGES", "It should panic.", "One remark.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    (answer,) = _answers(tester, thread)
    assert "This contradicts version 1 of the RFC, which promises:\n\n> `double(u8::MAX)` is `u8::MAX`." in answer
    assert pull_request.head_sha == before and thread.resolved_by is None
    command = answer.partition("```text\n")[2].partition("\n```")[0]
    tester.say(issue, command)
    tester.wait_for_status(issue, "rfc", "is done", attempt=2)
    assert "It panics." in tester.told_the_model() and "Version 2" in tester.rfc(issue)
    with tester.github.world.lock:
        tester.town.changes.reply(thread, tester.town.maintainer, "Agreed.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    brief = _briefs(tester)[-1]
    assert "RFC version 2, approved" in brief and "was built from version 1 of the design; version 2" in brief
    assert "the RFC has been amended since" in brief
    assert pull_request.head_sha != before and _answers(tester, thread)[1].startswith("Done in ")
    assert "A review has taken up version 2 since" in pull_request.issue.body


def _rfc_with_a_panic(request: Request) -> Sequence[Block]:
    """The second version is that of the proposed amendment."""
    if "let it say" not in str(request["messages"][0]):
        return [submit_rfc()]
    criterion = {"id": "AC-1", "text": "`double(u8::MAX)` panics.", "test": "the_largest_number_stays"}
    return [submit_rfc(criteria=[criterion])]


def _amend_first(request: Request) -> Sequence[Block]:
    """An amendment of words that are not in the RFC, then of those that are; work when it has been amended."""
    if "the RFC has been amended since" in str(request["messages"][0]):
        return [write(crate.LIBRARY_PATH, crate.REWORDED), submit_review()]
    answer = {"thread": "R1", "kind": "amends_rfc", "text": "Callers have to check.", "wording": "It panics."}
    return [
        _review([answer | {"promise": promise}]) for promise in ("It never panics.", "`double(u8::MAX)` is `u8::MAX`.")
    ]
