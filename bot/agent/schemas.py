"""The submission tools as JSON schemas, whose descriptions are part of the prompt; `submit.py` checks what comes in."""

from __future__ import annotations

from collections.abc import Iterable

from bot.agent.readers import READERS
from bot.domain import Assignment

TITLE_LIMIT = 100
"""Characters of an RFC's title."""

HEADLINE_LIMIT = 72
"""Characters of a commit's headline."""

MEND_LIMIT = 60
"""Characters of what stands behind `Mend CI: ` in one."""

AMENDS_RFC = "amends_rfc"
"""The kind of answer that does nothing but propose another wording of the RFC."""

ANSWER_KINDS = ("done", "question", AMENDS_RFC, "declined")

AMENDMENT_LIMIT = 1_500
"""Characters of a sentence of the RFC, and of what would have to stand there instead."""

_TEXT: dict[str, object] = {"type": "string"}


def _text(description: str) -> dict[str, object]:
    return {"type": "string", "description": description}


def _list(items: dict[str, object], description: str = "") -> dict[str, object]:
    schema: dict[str, object] = {"type": "array", "items": items}
    return schema | ({"description": description} if description else {})


def _object(optional: Iterable[str] = (), **properties: dict[str, object]) -> dict[str, object]:
    required = [name for name in properties if name not in set(optional)]
    needed = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _fields(**properties: dict[str, object]) -> dict[str, object]:
    return _object(optional=properties, **properties)


_LIBTEST_NAME = (
    "As libtest prints it: `parser::tests::rejects_an_empty_key`, and what stands in `tests/` without its file."
)
_CRITERIA_IDS = _list(_TEXT, 'Ids of acceptance criteria, for example ["AC-1"].')

ALTERNATIVES = 2
"""How many other designs an RFC compares with at the least."""

SECTION_LIMIT = 15_000
"""Characters of one section of an RFC: a fourth of what a comment takes."""

QUESTIONS_LIMIT = 7
"""How many questions may be put to people at once."""

_ANSWERS = _list(
    _object(
        finding=_text("The finding's id, for example F1."),
        verdict={"type": "string", "enum": ["taken", "declined"]},
        text=_text("One or two sentences for the maintainers: what changed, or why the draft stays as it is."),
    ),
    "Only after a second reader's findings were shown to you: one answer for each of them.",
)


def _critique(reader: Assignment, place: str) -> dict[str, object]:
    finding = _object(
        optional=["suggestion"],
        severity={
            "type": "string",
            "enum": ["blocker", "serious", "minor"],
            "description": "blocker: built like this it would be wrong or could not be proved.",
        },
        place=_text(place),
        problem=_text("What is wrong or missing, as a fact with its evidence: an input, a `path:line`."),
        suggestion=_text("The smallest change of the draft that would mend it."),
    )
    most = READERS[reader].max_findings
    words = f"The worst first, at most {most}; empty if there is nothing worth a maintainer's time."
    return _object(findings=_list(finding, words))


def _examination() -> dict[str, object]:
    finding = _object(
        optional=["suggestion", "test", "test_path"],
        severity={
            "type": "string",
            "enum": ["blocker", "serious", "minor"],
            "description": "blocker: merged like this it does something wrong or breaks users.",
        },
        place=_text("Where it is, as `path:line` of the changed code."),
        problem=_text(
            "What is wrong, as a fact: the input or state, what happens, what should. One to three sentences."
        ),
        suggestion=_text("The smallest change that would mend it."),
        test=_text("The whole Rust source of one new integration test file that compiles and fails because of it."),
        test_path=_text(
            "Where it goes: a new file right under a `tests` directory, for example `tests/finding_one.rs`."
        ),
    )
    most = READERS[Assignment.EXAMINATION].max_findings
    words = f"The worst first, at most {most}; empty if there is nothing worth a maintainer's time."
    return _object(findings=_list(finding, words))


SCHEMAS: dict[Assignment, dict[str, object]] = {
    # Nothing is required by the schema: what an earlier submission holds need not be sent again. The host asks for the rest.
    Assignment.RFC: _fields(
        title=_text(f"What will be different, in at most {TITLE_LIMIT} characters."),
        summary=_text("Three sentences: the problem, the design, what it costs."),
        vision=_text("Who feels the problem today, and what they will see when it is solved. Markdown."),
        example=_text("The smallest example of using it, in a code fence; empty if nothing is used differently."),
        current_behaviour=_text("What the code does now, with citations written as `path:line`. Markdown."),
        design=_text("The design: public items with exact signatures, behaviour, errors, edge cases. Markdown."),
        changes=_list(
            _object(
                optional=["note"],
                path=_text("A file that is touched or made, relative to the repository's root."),
                items=_list(
                    _object(
                        name=_text("The item; with its exact signature if it is public and new."),
                        change={"type": "string", "enum": ["add", "change", "remove"]},
                        semver={
                            "type": "string",
                            "enum": ["none", "patch", "minor", "major"],
                            "description": "What it means for users of the crate; none if it is not public.",
                        },
                    ),
                    "Empty for a file without items, such as a changelog.",
                ),
                note=_text("What else happens in the file, in a few words."),
            ),
            "Every file that the change will touch, tests included: whoever builds is held to this list.",
        ),
        dependencies=_list(_TEXT, "Names of crates that become new dependencies. Usually empty."),
        features=_list(_TEXT, "Cargo features of this repository that the design adds or changes. Usually empty."),
        compatibility=_text(
            "Semver, minimum Rust version, `no_std`, `unsafe`: what changes for whom. Empty if nothing."
        ),
        alternatives=_list(
            _object(design=_text("Another design, in a sentence or two."), why_not=_text("What decided against it.")),
            "At least two that were really considered; doing less is one.",
        ),
        criteria=_list(
            _object(
                id=_text("AC-1, AC-2, …"),
                text=_text("One behaviour that can be observed from outside, with concrete values."),
                test=_text(
                    "The test that will prove it: `module::tests::name` as libtest prints it, or with its file "
                    "`tests/cli.rs::name`; empty where no test can."
                ),
            ),
            "Acceptance criteria: together they decide whether the work is done.",
        ),
        non_goals=_text("What this change leaves alone although a reader might expect it. Markdown."),
        risks=_text("What could break, for whom, and how it would be noticed; semver. Markdown."),
        questions=_list(
            _object(
                to=_text("Who can decide it: maintainers, the reporter, a team that the repository names."),
                question=_text("The question, in a sentence or two."),
                recommendation=_text("What will be built if nobody answers."),
            ),
            "Only what people must decide. May be empty.",
        ),
        citations=_list(
            _object(
                path=_text("Relative to the repository's root."),
                line={"type": "integer", "description": "Counts from 1."},
                quote=_text("The text of that line, or the telling part of it, copied exactly."),
            ),
            "Each place in the code that the RFC rests on; every one is checked against the base commit.",
        ),
        tasks=_list(
            _object(
                title=_text("One step, in the imperative."),
                files=_list(_TEXT, "Paths it is expected to touch."),
                criteria=_CRITERIA_IDS,
            ),
            "The implementation in steps; the first writes the tests.",
        ),
        parts=_list(
            _object(
                title=_text("The title of an issue of its own."),
                summary=_text("What it brings by itself, in a sentence or two."),
                criteria=_CRITERIA_IDS,
            ),
            "Only if this is too large for one pull request: its parts in their order, each useful by itself.",
        ),
        sections=_list(
            _object(heading=_text("The heading, as the template has it."), text=_text("Markdown.")),
            "Only if the repository has an RFC template: the headings of it that nothing else here answers.",
        ),
        what_changed=_text(
            "Only for a later version: what is different from the one before, and why. Two or three sentences."
        ),
        replies=_list(
            _object(to=_text("Their login, without @."), text=_text("The answer.")),
            "Answers to questions that people asked in the discussion. May be left out.",
        ),
        concerns=_list(
            _object(number={"type": "integer"}, text=_text("How the design meets it, or why it should not.")),
            "Only if concerns are shown to you: one proposal for each that is open. People resolve them, not you.",
        ),
        answers=_ANSWERS,
    ),
    Assignment.CRITIQUE: _critique(
        Assignment.CRITIQUE, "Where it stands in the draft: a section, a criterion (AC-2), a task."
    ),
    Assignment.PLAN: _object(
        optional=["notes", "design_stands", "ground", "answers"],
        tasks=_list(
            _object(
                id=_text("T1, T2, …"),
                title=_text("One step, in the imperative."),
                files=_list(_TEXT, "Paths it is expected to touch."),
                criteria=_CRITERIA_IDS,
            ),
            "In the order in which they are to be done.",
        ),
        notes=_text("What the one who builds must know and the RFC does not say."),
        design_stands={
            "type": "string",
            "enum": ["yes", "no"],
            "description": "Only if places of the RFC are named to you that the code does not hold any more.",
        },
        ground=_text("Then also: why the design still stands, or what in it does not. Two sentences."),
        answers=_ANSWERS,
    ),
    Assignment.PLAN_CRITIQUE: _critique(
        Assignment.PLAN_CRITIQUE, "Where it stands: a task (T2), a criterion (AC-2), a file."
    ),
    Assignment.TESTS: _object(
        optional=["notes"],
        tests=_list(
            _object(
                name=_text(_LIBTEST_NAME),
                criteria=_CRITERIA_IDS,
            ),
            "Every test that you added or changed.",
        ),
        notes=_text("Stubs you added, criteria that no test can prove and why."),
    ),
    Assignment.BUILD: _object(
        optional=["deviations", "notes", "survivors", "answers"],
        title=_text(f"The commit's headline: imperative, at most {HEADLINE_LIMIT} characters, no trailing full stop."),
        summary=_text("What was changed and why, for the reviewer. Markdown."),
        deviations=_text("Where the change leaves the RFC, and why. Empty if nowhere."),
        notes=_text("What the reviewer should look at first, or what is left open. May be empty."),
        survivors=_list(
            _object(
                mutant=_text("Its id, as it was shown: M1."),
                reason=_text("Why no caller could see a difference, or why no test can. One sentence."),
            ),
            "Only after mutants were shown to you: those that you wrote no test for.",
        ),
        answers=_ANSWERS,
    ),
    Assignment.EXAMINATION: _examination(),
    Assignment.REVIEW: _object(
        optional=["tests", "mended"],
        summary=_text("What changed in this round, for the reviewers. Markdown."),
        answers=_list(
            _object(
                optional=["promise", "wording"],
                thread=_text("The thread's id, as the brief shows it."),
                kind={"type": "string", "enum": list(ANSWER_KINDS)},
                text=_text("The reply, as it will stand under the thread."),
                promise=_text("Only with `amends_rfc`: the sentence of the RFC that is contradicted, copied exactly."),
                wording=_text("Only with `amends_rfc`: the words that would have to stand there instead."),
            ),
            "Exactly one for each thread.",
        ),
        tests=_list(
            _object(
                name=_text(_LIBTEST_NAME),
                criteria=_CRITERIA_IDS,
            ),
            "Only if tests that you wrote in this round show that a criterion of the RFC holds, above all in place of a test "
            "that a reviewer wants gone or replaced: those tests, with the criteria. A mere renaming is found without it.",
        ),
        mended=_list(_TEXT, "Only if open findings are shown to you and this round mends some of them: their ids."),
    ),
    Assignment.CI: _object(
        verdict={"type": "string", "enum": ["mended", "not_ours"]},
        headline=_text(
            f"What is mended, after `Mend CI: `, in a few words: at most {MEND_LIMIT} characters, no full stop."
        ),
        cause=_text("What failed and why, in one to three sentences for the people of the pull request. Markdown."),
        summary=_text(
            "What you changed, in one to three sentences; with `not_ours`: why no change of the code can help, and what a human could do. Markdown."
        ),
    ),
    Assignment.UPDATE: _object(
        summary=_text(
            "What did not fit and how you brought it together, in one to four sentences for the people of the pull request. Markdown."
        ),
    ),
}

INQUIRY: dict[str, object] = _object(
    findings=_text(
        "What the code and the issue do tell, in a few sentences: where you looked, what is open. Markdown."
    ),
    questions=_list(
        _text("One question that a person can answer in a sentence, with the two or three answers that make sense."),
        f"At most {QUESTIONS_LIMIT}, the one that decides most first.",
    ),
)
"""The input of the tool with which an RFC is not handed in, because only people can say what is wanted."""

INQUIRE = "submit_questions"
"""The name of that tool."""

NAMES = {
    Assignment.RFC: "submit_rfc",
    Assignment.CRITIQUE: "submit_critique",
    Assignment.PLAN: "submit_plan",
    Assignment.PLAN_CRITIQUE: "submit_plan_critique",
    Assignment.TESTS: "submit_tests",
    Assignment.BUILD: "submit_change",
    Assignment.EXAMINATION: "submit_examination",
    Assignment.REVIEW: "submit_review",
    Assignment.CI: "submit_mend",
    Assignment.UPDATE: "submit_update",
}
"""The name of the tool with which an assignment is handed in."""
