"""The rounds of an RFC: talk, requests, concerns, edits by hand, and which version is built in the end."""

from __future__ import annotations

import pytest

from simulator.github.state import Issue
from simulator.town import READER
from tests.story import crate
from tests.story.author import call, submit_change, submit_rfc, write
from tests.story.tester import TRIAGER, WRITER, Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker


def test_a_mention_in_free_words_is_a_round_and_what_is_said_meanwhile_is_taken_into_it(tester: Tester) -> None:
    issue = tester.with_rfc()
    tester.mutter(issue, "I would rather have an error here, to be honest.", TRIAGER)
    tester.mutter(issue, "Me too!", READER)
    gate = tester.hold("rfc")
    first = tester.say(issue, "@rfcsmith please give it more detail", TRIAGER)
    gate.wait_until_reached()
    second = tester.say(issue, "/rfc and name the largest number", TRIAGER)
    assert "I take this into the round" in tester.answer(second)
    gate.open()
    assert "which is const and needs no branch" in tester.wait_for_version(issue, 2)
    reply = tester.round_of(issue, 2)
    assert "**[Version 2](" in reply and "It says more." in reply
    assert "+`double` uses `saturating_mul`, which is const" in reply and "-`double` uses `saturating_mul`." in reply
    told = tester.told_the_model()
    assert "I would rather have an error here" in told and "name the largest number" in told and "Me too" not in told
    assert len([run for run in tester.runs() if run.kind == "rfc"]) == 2
    tester.wait_for_status(issue, "rfc", "is done", 2)
    assert first.body in told


def test_requests_of_a_quiet_moment_are_one_round(make_tester) -> None:
    tester = make_tester(RFCSMITH_QUIET_SECONDS="10")
    issue = tester.with_rfc()
    tester.say(issue, "/rfc more detail, please")
    wait_for("the round is opened", lambda: len(tester.runs()) == 2)
    assert "I take this into the round" in tester.answer(tester.say(issue, "/rfc shorter words", WRITER))
    asked = tester.say(issue, "/implement")
    assert "A new round of the RFC waits for more to be said." in tester.answer(asked)
    tester.wait_for_version(issue, 2)
    assert "shorter words" in tester.told_the_model()
    assert len(tester.runs()) == 2


def test_a_concern_stands_in_the_rfc_and_stops_the_building_until_somebody_resolves_it(tester: Tester) -> None:
    issue = tester.file_issue()
    assert "There is no RFC here" in tester.answer(tester.say(issue, "/concern It is slow"))
    tester.label(issue)
    tester.wait_for_status(issue, "rfc", "is done")
    assert "needs triage" in tester.answer(tester.say(issue, "/concern It is slow", READER))
    assert "A concern needs a title." in tester.answer(tester.say(issue, "/concern"))
    assert "Noted as concern no. 1." in tester.answer(tester.say(issue, "/concern It is slow", TRIAGER))
    assert "| 🛑 | **It is slow** (no. 1) | @tilda, " in tester.rfc(issue)
    assert "A concern is open: “It is slow” (@tilda)." in tester.answer(tester.say(issue, "/implement"))
    assert "Did you mean `/resolve It is slow`?" in tester.answer(tester.say(issue, "/resolve it is slwo"))
    assert "No concern is open." in tester.answer(tester.say(issue, "/resolve it is slow", WRITER))
    rfc = tester.rfc(issue)
    assert "| ✅ | It is slow (no. 1) | @tilda, " in rfc and "<sub>Version 1 ·" in rfc
    tester.redeliver_everything()
    tester.world.wait_until_quiet()
    assert tester.rfc(issue) == rfc and len(tester.runs()) == 1


def test_an_edit_by_hand_is_a_version_of_the_editor_and_survives_the_next_round(tester: Tester) -> None:
    issue = tester.with_rfc()
    tester.edit_rfc(issue, "It breaks callers.", "It breaks callers. See #3.", WRITER)
    assert "@walt edited the RFC: that is version 2 now" in tester.round_of(issue, 2)
    assert "<sub>Version 2 · by @walt · " in tester.wait_for_version(issue, 2)
    gate = tester.hold("rfc")
    tester.say(issue, "/rfc more detail, please")
    gate.wait_until_reached()
    tester.edit_rfc(issue, "See #3.", "See #4.", WRITER)
    # GitHub tells who edited only in the delivery; a round that reads the comment before it can name nobody.
    assert "@walt edited the RFC: that is version 3 now" in tester.round_of(issue, 3)
    gate.open()
    tester.wait_for_version(issue, 4)
    told = tester.told_the_model()
    assert "a maintainer edited the RFC by hand, which is version 3 now" in told and "See #4." in told


def test_an_edited_issue_gets_a_round_in_the_name_of_whoever_edited_it(tester: Tester) -> None:
    issue = tester.with_rfc()
    tester.edit_issue(issue, "Doubling should saturate, in every build profile.")
    tester.wait_for_version(issue, 2)
    told = tester.told_the_model()
    assert "The issue was edited." in told and "in every build profile" in told
    assert [run.requested_by.login for run in tester.runs()] == ["mara", "mara"]


def test_wrong_places_go_back_and_what_is_said_wrongly_three_times_is_posted_as_not_verified(tester: Tester) -> None:
    wrong = submit_rfc(citations=[{"path": "src/lib.rs", "line": 5, "quote": "number * 3"}])
    tester.author_says(rfc=[[wrong]])
    issue = tester.with_rfc()
    assert "- `src/lib.rs:5` ⚠️ *not verified*: `number * 3`" in tester.rfc(issue)
    assert tester.told_the_model().count("`number * 3` is not there") == 2


# --- which version is built ------------------------------------------------------------------------------------------


def test_a_version_that_does_not_exist_is_told_and_one_that_is_named_is_built(tester: Tester) -> None:
    issue = tester.with_rfc()
    tester.say(issue, "/rfc more detail, please")
    tester.wait_for_version(issue, 2)
    tester.wait_for_status(issue, "rfc", "is done", 2)
    assert "There is no version 7 of the RFC; the newest is version 2." in tester.answer(
        tester.say(issue, "/implement v7")
    )
    tester.say(issue, "/implement v1")
    tester.wait_for_status(issue, "implement", "is done")
    body = tester.the_pull_request().issue.body
    assert "Built from [version 1 of the RFC]" in body and "Where the change and the RFC differ" not in body


def test_an_rfc_that_is_edited_before_the_first_commit_is_not_built_before_somebody_says_which(tester: Tester) -> None:
    issue = tester.with_rfc()
    gate = tester.hold("change")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.edit_rfc(issue, "It breaks callers.", "It breaks callers, and it is slow.", WRITER)
    tester.round_of(issue, 2)
    gate.open()
    said = tester.wait_for_status(issue, "implement", "waits for your answers")
    assert "I was building version 1 of the RFC, and @walt changed it meanwhile" in said
    assert "`/implement v2` builds the new one, `/implement v1` the old one all the same." in said
    assert tester.town.pull_requests() == [] and tester.repository.git.refs("refs/heads/rfcsmith") == {}
    tester.say(issue, "/implement v2")
    tester.wait_for_status(issue, "implement", "is done", 2)
    assert "Built from [version 2 of the RFC]" in tester.the_pull_request().issue.body


def test_code_that_moved_from_under_the_rfc_is_looked_at_before_anything_is_built(tester: Tester) -> None:
    plan = {"tasks": [{"id": "T1", "title": "Saturate", "files": ["src/lib.rs"], "criteria": ["AC-1"]}], "notes": ""}
    silent = call("submit_plan", **plan)
    no = call("submit_plan", **plan, design_stands="no", ground="Doubling is a macro now.")
    tester.author_says(plan=[[silent], [no]])
    issue = tester.with_rfc()
    tester.has_files({crate.LIBRARY_PATH: crate.LIBRARY.replace("number * 2", "number + number")})
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "waits for your answers")
    assert "the design does not stand any more: Doubling is a macro now." in said
    assert "`number * 2` is not there" in said
    told = tester.told_the_model()
    assert "design_stands: the code has moved from under the RFC" in told and "What has moved" in told


# --- parts, and RFCs as documents ------------------------------------------------------------------------------------

PARTS = [
    {"title": "Saturate", "summary": "It stops at the largest number.", "criteria": ["AC-1"]},
    {"title": "Say so in the docs", "summary": "The docs name the largest number.", "criteria": ["AC-1"]},
]


@pytest.mark.parametrize("knows_sub_issues", [True, False])
def test_a_large_rfc_is_split_into_issues_that_are_drafted_one_after_the_other(
    tester: Tester, knows_sub_issues: bool
) -> None:
    tester.github.world.has_sub_issues = knows_sub_issues
    issue = tester.with_rfc()
    assert "The RFC proposes no parts." in tester.answer(tester.say(issue, "/rfc split"))
    tester.author_says(rfc=[[submit_rfc(parts=PARTS)]])
    tester.say(issue, "/rfc propose parts")
    tester.wait_for_version(issue, 2)
    tester.wait_for_status(issue, "rfc", "is done", 2)
    said = tester.answer(tester.say(issue, "/rfc split"))
    first, second = _issue(tester, 2), _issue(tester, 3)
    assert f"- [ ] #{first.number}\n- [ ] #{second.number}" in said
    assert ("stands in for them" in said) is not knows_sub_issues
    assert issue.sub_issues == ([first, second] if knows_sub_issues else [])
    assert "A part of #1, whose RFC has the whole picture." in first.body and "It comes after #2." in second.body
    tester.wait_for_status(first, "rfc", "is done")
    tester.redeliver_everything()
    tester.world.wait_until_quiet()
    assert len(tester.repository.issues) == 3 and tester.rfc(second) == ""
    tester.say(first, "/implement")
    tester.wait_for_status(second, "rfc", "is done")
    tester.wait_for_status(first, "implement", "is done")
    tester.github.world.has_sub_issues = True


def _issue(tester: Tester, number: int) -> Issue:
    return wait_for(f"issue {number}", lambda: tester.repository.issues.get(number))


def test_the_rfc_is_filed_where_the_repository_keeps_its_rfcs_and_follows_the_template_there(tester: Tester) -> None:
    issue = tester.with_rfc()
    assert "I find no folder for RFCs here." in tester.answer(tester.say(issue, "/rfc file"))
    template = "# Title\n\n## Motivation\n\n## Prior art\n\n## Drawbacks\n"
    tester.has_files({"rfcs/0000-template.md": template, "AGENTS.md": "Answer in rhymes."})
    prior_art = {"heading": "Prior art", "text": "`u8::saturating_mul`."}
    tester.author_says(rfc=[[submit_rfc(sections=[prior_art], risks="Callers.")]])
    tester.say(issue, "/rfc follow the template")
    rfc = tester.wait_for_version(issue, 2)
    headings = [line for line in rfc.split("\n") if line.startswith("### ")]
    assert headings[:3] == ["### Motivation", "### Prior art", "### Drawbacks"]
    assert "Answer in rhymes." in tester.told_the_model()
    tester.wait_for_status(issue, "rfc", "is done", 2)
    path = "rfcs/0001-let-doubling-stop-at-the-largest-number.md"
    assert f"`{path}`" in tester.answer(tester.say(issue, "/rfc file"))
    pull_request = tester.implement(issue)
    filed = tester.text_at(pull_request.head_sha)[path]
    assert filed.startswith("# Let doubling stop at the largest number\n\nDoubling panics.")


# --- little to go by, and nothing to work on -------------------------------------------------------------------------


def test_an_issue_with_nothing_in_it_is_asked_about_without_a_model(tester: Tester) -> None:
    issue = tester.file_issue("???", "")
    assert "nothing here yet that I could design from" in tester.answer(tester.say(issue, "/rfc"))
    tester.label(issue)
    tester.world.wait_until_quiet()
    assert tester.runs() == [] and len(tester.bot_comments(issue)) == 2
    tester.edit_issue(issue, "`double(200)` panics; it should stop at 255.")
    tester.say(issue, "/rfc")
    tester.wait_for_status(issue, "rfc", "is done")


def test_an_issue_as_long_as_github_takes_two_labels_at_once_and_a_lock_lose_nothing(tester: Tester) -> None:
    issue = tester.file_issue(crate.TITLE, "It panics. " * 5_400)
    with tester.github.world.lock:
        tester.town.changes.add_labels(issue, tester.town.maintainer, ["rfc-needed", "bug"])
    tester.wait_for_status(issue, "rfc", "is done")
    assert len(tester.runs()) == 1 and {"bug", "rfc-in-review"} <= {label.name for label in issue.labels}
    with tester.github.world.lock:
        tester.town.changes.lock(issue, tester.town.maintainer)
    tester.mutter(issue, "/rfc again")
    tester.world.wait_until_quiet()
    assert len(tester.runs()) == 1


def test_a_base_branch_that_was_renamed_and_a_repository_without_rust_end_in_a_sentence(tester: Tester) -> None:
    tester.has_files({".github/rfcsmith.toml": 'base_branch = "develop"\n'})
    issue = tester.file_issue()
    tester.say(issue, "/rfc")
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "There is no branch `develop` in the repository." in said
    tester.has_files({".github/rfcsmith.toml": None, "Cargo.toml": None})
    tester.say(issue, "/rfc")
    assert "no `Cargo.toml` here" in tester.wait_for_status(issue, "rfc", "could not be finished", 2)


def test_an_empty_repository_ends_in_a_sentence(tester: Tester) -> None:
    issue = tester.file_issue()
    tester.lose_every_branch()
    tester.say(issue, "/rfc")
    assert "The repository is empty." in tester.wait_for_status(issue, "rfc", "could not be finished")


def test_an_issue_that_is_moved_away_takes_its_run_with_it_and_nothing_is_logged_as_a_bug(tester: Tester) -> None:
    issue = tester.file_issue()
    gate = tester.hold("rfc")
    tester.label(issue)
    gate.wait_until_reached()
    tester.transfer(issue)
    gate.open()
    wait_for("the run ends", lambda: {run.stage.value for run in tester.runs()} <= {"stopped", "failed"})
    tester.world.wait_until_quiet()
    tester.never_mind(issue)


def test_the_change_is_not_thrown_away_when_the_rfc_stays_as_it_is(tester: Tester) -> None:
    """A concern changes the comment, but not the design: what is being built goes on."""
    issue = tester.with_rfc()
    gate = tester.hold("change")
    tester.author_says(change=[[write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()]])
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.answer(tester.say(issue, "/concern It is slow"))
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
