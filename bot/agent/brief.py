"""What the model is told at the start of a conversation: a system prompt and a first message for each assignment. Pure.

The wording is in `prompts/*.md`; outside text enters only through `bot.agent.quote`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from bot.agent import schemas, tools
from bot.agent.quote import STANDING, cut, latest, quote
from bot.agent.readers import READERS
from bot.agent.remarks import ThreadTask, sections, what_was_said
from bot.domain import (
    Actor,
    Assignment,
    Check,
    CiFailure,
    Comment,
    Concern,
    Finding,
    Issue,
    Missed,
    Permission,
    Plan,
    PullRequest,
    Review,
    Rfc,
    Rule,
    TaskState,
)
from bot.rfc.difference import difference
from bot.rfc.document import for_reading
from bot.rfc.template import RfcTemplate, own_headings
from bot.rust.discovery import DEFAULT

PROMPTS = Path(__file__).with_name("prompts")

# Characters of one quote; what is longer is cut at its end, and the cut is told.
ISSUE_LIMIT = 30_000
REMARK_LIMIT = 12_000
DISCUSSION_LIMIT = 80_000
DIFF_LIMIT = 60_000
MAP_LIMIT = 24_000
REPORT_LIMIT = 12_000
LOG_LIMIT = 16_000
RULES_LIMIT = 8_000


@dataclass(frozen=True, slots=True)
class Brief:
    """The start of a conversation: `system` is our own words, `message` also quotes others."""

    assignment: Assignment
    system: str
    message: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run at the same task that did not come to its end, and the words with which somebody asks to try it again.

    `work` says in our own words where its work is now, `end` is what it ended of, `standing` how far it had come.
    """

    work: str
    end: str
    standing: str = ""
    hint: str = ""
    hinted_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """The world of a run as each brief describes it.

    `repo_map` lists the files and what is in them, `baseline` tells how the checks stand at the start ("" where that was not
    measured), `toolchain` names the Rust tools of the image, as in "rustc 1.95.0 with cargo, clippy and rustfmt". `rules` are
    files (path, text) in which the repository says what it expects of contributors, `template` is that of its RFCs.
    """

    repository: str
    base_commit: str
    repo_map: str
    baseline: str
    checks: tuple[Check, ...] = ()
    toolchain: str = "a stable Rust toolchain (cargo, rustc, clippy, rustfmt)"
    max_turns: int = 100
    rules: tuple[tuple[str, str], ...] = ()
    template: RfcTemplate | None = None
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Discussion:
    """The issue and what people said under it; of the bot's own comments only questions that it asked (`own`, by id).

    `permissions` are by login; somebody who is missing there has none.
    """

    issue: Issue
    comments: tuple[Comment, ...] = ()
    permissions: Mapping[str, Permission] = field(default_factory=dict, hash=False)
    own: frozenset[int] = frozenset()

    def permission(self, actor: Actor) -> Permission:
        return self.permissions.get(actor.login, Permission.NONE)


@dataclass(frozen=True, slots=True)
class ReviewRound:
    """What is to be answered: reviews and the open threads of `pull_request`, each a task (`tasks`).

    `difference` is the pull request against its base as text, `description` what it says of itself; `request` is what
    `requested_by` said to the bot in free words, "" where a review started the round. `own_login` is the bot's, `built_from`
    the version that the pull request was built from. `rules` are to be written down; `only_rules` says that nothing else is
    asked for. `findings` are an examiner's that nobody has mended.
    """

    pull_request: PullRequest
    difference: str
    description: str
    reviews: tuple[Review, ...]
    tasks: tuple[ThreadTask, ...]
    request: str = ""
    requested_by: Actor | None = None
    own_login: str = ""
    rules: tuple[Rule, ...] = ()
    only_rules: bool = False
    built_from: Rfc | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Mending:
    """What is to be mended: the failed jobs of CI on the head of `pull_request`, and what the sandbox says of their commands."""

    pull_request: PullRequest
    difference: str
    failures: tuple[CiFailure, ...]
    reproduced: str


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be brought together: the pull request's change, the paths in conflict, and what did not hold after the merge."""

    pull_request: PullRequest
    difference: str
    conflicts: tuple[str, ...]
    problems: str = ""


def rfc_brief(
    setting: Setting,
    discussion: Discussion,
    *,
    previous: Rfc | None = None,
    request: str = "",
    requested_by: Actor | None = None,
    concerns: Sequence[Concern] = (),
) -> Brief:
    """Design it; `previous` is the version to revise, `request` what `requested_by` added to the command."""
    parts = [_issue(discussion), _wanted(requested_by, discussion)]
    if previous is not None:
        parts.append(_previous(previous))
    parts.append(_comments(discussion))
    if request.strip():
        standing = discussion.permission(requested_by) if requested_by else None
        quoted = quote(request, what="the words after /rfc", author=requested_by, permission=standing, is_markdown=True)
        parts.append(_section("What was asked for with the command", quoted))
    parts += [_concerns(concerns, discussion), _template(setting), *_rules(setting)]
    return _brief(Assignment.RFC, setting, [*parts, *_base(setting), _map(setting)])


def critique_brief(
    setting: Setting,
    discussion: Discussion,
    rfc: Rfc,
    plan: Plan,
    *,
    request: str = "",
    requested_by: Actor | None = None,
) -> Brief:
    """Criticise the draft `rfc` with its `plan`, which the author of the draft has just handed in.

    The critic of a plan is the same one: its prompt is `critique.md` with another `critique_of_….md` behind it.
    """
    written = quote(for_reading(rfc.body), what=f"the draft: {rfc.title}", is_markdown=True)
    parts = [
        _issue(discussion),
        _wanted(requested_by, discussion),
        _comments(discussion),
        _section("What was asked for with the command", quote(request, what="the words after /rfc", is_markdown=True))
        if request.strip()
        else "",
        _section("The draft", f"{written}\n\n{_criteria(rfc)}"),
        _plan(plan, ""),
        *_base(setting),
        _map(setting),
    ]
    return _brief(Assignment.CRITIQUE, setting, parts, prompts=("critique", "critique_of_rfc"))


def plan_brief(
    setting: Setting,
    discussion: Discussion,
    rfc: Rfc,
    moved: Sequence[str] = (),
    questioned: tuple[Plan, str, str] | None = None,
) -> Brief:
    """Plan what the agreed `rfc` needs; `moved` are the places that it cites and the code does not hold any more.

    `questioned` is a plan that stands already, with its notes and a note of what a second reader holds against it.
    """
    parts = [
        _rfc(rfc),
        *_earlier(setting, discussion),
        *([] if questioned else [_steps(rfc)]),
        *_questioned(questioned),
        _moved(moved),
        _issue(discussion),
        *_base(setting),
        _map(setting),
    ]
    return _brief(Assignment.PLAN, setting, parts)


def plan_critique_brief(setting: Setting, discussion: Discussion, rfc: Rfc, plan: Plan, *, notes: str = "") -> Brief:
    """Criticise the `plan` that was made for `rfc`, with the planner's `notes`."""
    parts = [
        _rfc(rfc),
        _plan(plan, notes),
        *_earlier(setting, discussion),
        _issue(discussion),
        *_base(setting),
        _map(setting),
    ]
    return _brief(Assignment.PLAN_CRITIQUE, setting, parts, prompts=("critique", "critique_of_plan"))


def tests_brief(
    setting: Setting, discussion: Discussion, rfc: Rfc, plan: Plan, *, notes: str = "", problems: str = ""
) -> Brief:
    """Write the tests; `notes` are the plan's, `problems` what was wrong with tests handed in before."""
    parts = [
        _rfc(rfc),
        _plan(plan, notes),
        *_earlier(setting, discussion),
        _issue(discussion),
        *_rules(setting),
        *_base(setting),
        _map(setting),
    ]
    parts += _problems(problems)
    return _brief(Assignment.TESTS, setting, parts)


def build_brief(
    setting: Setting,
    discussion: Discussion,
    rfc: Rfc,
    plan: Plan,
    *,
    tests: str,
    red: str,
    notes: str = "",
    problems: str = "",
) -> Brief:
    """Build it; `tests` is the difference that holds the tests and stubs, `red` what they did without the change.

    `problems` is what the verification found in a change that was handed in before.
    """
    parts = [
        _rfc(rfc),
        _plan(plan, notes),
        _section("The tests, and how they fail now", _report(red, "the test run without the change")),
        _diff(tests, "the tests and stubs that were added to the base; they are in the workspace"),
        *_earlier(setting, discussion),
        _issue(discussion),
        *_rules(setting),
        *_base(setting),
        _map(setting),
        *_problems(problems),
    ]
    return _brief(Assignment.BUILD, setting, parts)


def examination_brief(setting: Setting, discussion: Discussion, rfc: Rfc, *, difference: str, evidence: str) -> Brief:
    """Examine a proven change: the design, the difference and the `evidence`, and nothing of how it came about."""
    parts = [
        _rfc(rfc),
        _diff(difference, "the whole change, tests included, against its base"),
        _section("The evidence", _report(evidence, "what fresh containers showed")),
        _issue(discussion),
        *_rules(setting),
        *_base(setting),
        _map(setting),
    ]
    return _brief(Assignment.EXAMINATION, setting, parts)


def review_brief(
    setting: Setting, discussion: Discussion, rfc: Rfc, review: ReviewRound, *, problems: str = ""
) -> Brief:
    """Answer a review; its threads are shown under the ids that `remarks.thread_ids` gives them."""
    number = review.pull_request.number
    parts = [
        _section(f"The remarks on pull request #{number}", _reviews(review.reviews, discussion)),
        _said(review, discussion),
        _to_remember(review, discussion),
        *sections(review.tasks, discussion.permission, review.own_login),
        _rfc(rfc),
        _amended(rfc, review.built_from),
        _diff(review.difference, f"pull request #{number} against its base"),
        _description(review.description),
        _open(review.findings),
        _issue(discussion),
        *_base(setting, _start_of(Assignment.REVIEW)),
        _map(setting),
        *_problems(problems),
    ]
    return _brief(Assignment.REVIEW, setting, parts)


def _said(review: ReviewRound, discussion: Discussion) -> str:
    """What somebody said to the bot on the pull request, outside of a review."""
    if not review.request.strip() or review.requested_by is None:
        return ""
    standing = discussion.permission(review.requested_by)
    quoted = quote(
        review.request, what="the words to you", author=review.requested_by, permission=standing, is_markdown=True
    )
    return _section("What was said to you on the pull request", quoted)


def _open(findings: Sequence[Finding]) -> str:
    """What an examiner found before people saw the change, and its author did not mend."""
    rows = [
        f"{finding.id} ({finding.severity}), {finding.place}: {finding.problem}"
        + (f"\n  This test showed it, as {finding.test_path}:\n{finding.test}" if finding.is_confirmed else "")
        for finding in findings
    ]
    quoted = quote("\n".join(rows), what="findings of a second reader") if rows else ""
    return _section("Findings that are open", quoted)


def _to_remember(review: ReviewRound, discussion: Discussion) -> str:
    """The rules that people want to be written down, in their words or those of the thread that taught them."""
    rows = []
    for number, rule in enumerate(review.rules, 1):
        if rule.thread is not None:
            id = f"that taught rule {number}"
            rows.append(what_was_said(id, rule.thread, discussion.permission, review.own_login, REMARK_LIMIT))
            continue
        standing = discussion.permission(rule.author)
        text = cut(rule.text, REMARK_LIMIT)
        rows.append(quote(text, what=f"rule {number}", author=rule.author, permission=standing, is_markdown=True))
    words = (
        "Write each rule below into `AGENTS.md` at the top of the repository, in one or two lines of your own, at the place where it "
        "fits; make the file where there is none. Write it for whoever works here next and knows nothing of this pull request. What "
        "stands there already is not written again. A thread that only asks for this is answered with what you wrote, and where."
    )
    only = " Nothing else is asked of you in this round: change no other file." if review.only_rules else ""
    return _section("What is to be remembered", "\n\n".join([words + only, *rows])) if rows else ""


def ci_brief(setting: Setting, discussion: Discussion, rfc: Rfc, mending: Mending) -> Brief:
    """Mend what the repository's own CI found on the pull request's head."""
    number = mending.pull_request.number
    parts = [
        _section(f"What failed on the head of pull request #{number}", "\n\n".join(map(_failure, mending.failures))),
        _section(
            "The same here", _report(mending.reproduced, "the commands of those jobs, run in your sandbox on that head")
        ),
        _rfc(rfc),
        _diff(mending.difference, f"pull request #{number} against its base"),
        _issue(discussion),
        _comments(discussion),
        *_base(setting, _start_of(Assignment.CI)),
        _map(setting),
    ]
    return _brief(Assignment.CI, setting, parts)


def update_brief(setting: Setting, discussion: Discussion, rfc: Rfc, update: Update) -> Brief:
    """Bring a pull request's change and its base, which has moved on, together."""
    number = update.pull_request.number
    names = "\n".join(f"- {path}" for path in update.conflicts)
    conflicts = quote(names, what="the files in conflict") if names else "Git found no conflict."
    parts = [
        _section("What does not fit together", conflicts),
        *([_section("What did not hold after the merge", update.problems)] if update.problems else []),
        _rfc(rfc),
        _diff(update.difference, f"pull request #{number} against its base, before the merge"),
        _issue(discussion),
        _comments(discussion),
        *_base(setting),
        _map(setting),
    ]
    return _brief(Assignment.UPDATE, setting, parts)


def _failure(failure: CiFailure) -> str:
    said = {
        Missed.UNKNOWN: "The command was not among your checks; it is now.",
        Missed.LEFT_OUT: "The command is left to CI, so you cannot run it as CI does.",
        Missed.PASSED: "The same command passed in your sandbox: look for what differs there (platform, environment, time, order).",
        Missed.NO_COMMAND: "The step is no command of cargo's, so it was not among your checks.",
    }[failure.missed]
    facts = "\n".join(
        (
            f"job: {failure.place}",
            f"machine: {failure.runner}",
            f"step: {failure.step}",
            *failure.script,
            "",
            failure.log,
        )
    )
    return f"{quote(cut(facts, LOG_LIMIT), what='a failed job of CI: what it ran, and the telling part of its log')}\n\n{said}"


# --- the system prompt -----------------------------------------------------------------------------------------------


def _brief(assignment: Assignment, setting: Setting, parts: Iterable[str], *, prompts: Sequence[str] = ()) -> Brief:
    system = system_prompt(assignment, setting, *(prompts or (assignment.value,)))
    return Brief(assignment, system, "\n\n".join(part for part in parts if part))


def system_prompt(assignment: Assignment, setting: Setting, *prompts: str) -> str:
    """The environment and the assignment's prompts, in our own words only."""
    environment = Template(_prompt("environment")).substitute(
        repository=setting.repository,
        base=setting.base_commit[:12],
        toolchain=setting.toolchain,
        submit=schemas.NAMES[assignment],
        max_turns=setting.max_turns,
        workspace_note=_WORKSPACE_NOTES[assignment],
        edit_note=_EDIT_NOTES[assignment in tools.READ_ONLY],
        diff_note="" if assignment in tools.READ_ONLY else "; the tool `diff` shows what you changed",
        measured_note=_MEASURED_NOTE.format(start=_start_of(assignment)) if setting.baseline else "",
        **_SUBMISSION_NOTES[assignment in READERS],
    )
    return "\n\n".join([environment.strip(), *(_prompt(name).strip() for name in prompts)]) + "\n"


_EDIT_NOTES = {
    True: "; here it only views.",
    False: (
        " and edits them. Line numbers and the tab after them are not part of the file. Edit with it, not with sed or "
        "heredocs: Rust code does not survive shell quoting. If an edit fails, what follows it in the same answer is not carried "
        "out."
    ),
}
_WORKSPACE_NOTES = {
    Assignment.RFC: ", read-only",
    Assignment.CRITIQUE: ", read-only",
    Assignment.PLAN: ", read-only",
    Assignment.PLAN_CRITIQUE: ", read-only",
    Assignment.TESTS: "",
    Assignment.BUILD: " with the new tests in it",
    Assignment.EXAMINATION: " with the finished change in it, read-only",
    Assignment.REVIEW: " with the pull request's change in it",
    Assignment.CI: " with the pull request's change in it",
    Assignment.UPDATE: " with the base and the pull request's change merged in it",
}


_MEASURED_NOTE = (
    "- How the {start} stands (tests, clippy, rustfmt) is told below. You need not measure it again; what is red there is not "
    "yours to mend.\n"
)
_SUBMISSION_NOTES = {
    False: {
        "mention": "; mention them in your submission",
        "decided": ", and say in the submission what you decided and why",
        "gap": (
            " If the task cannot be done as it is put, submit the best correct part and say plainly what is missing and why: an "
            "honest gap is worth more than a green light that lies."
        ),
    },
    # What a second reader hands in are findings, and nothing else.
    True: {"mention": "", "decided": "", "gap": ""},
}


def _start_of(assignment: Assignment) -> str:
    """What the work begins at, in a word."""
    return "head" if assignment in (Assignment.REVIEW, Assignment.CI) else "base"


def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")


# --- parts of the first message --------------------------------------------------------------------------------------


def _section(title: str, body: str) -> str:
    return f"# {title}\n\n{body}" if body else ""


def _issue(discussion: Discussion) -> str:
    issue = discussion.issue
    quoted = quote(
        f"{issue.title}\n\n{cut(issue.body, ISSUE_LIMIT)}",
        what=f"issue #{issue.number}: title and description",
        author=issue.author,
        permission=discussion.permission(issue.author),
        is_markdown=True,
    )
    return _section("The issue", quoted)


def _wanted(asker: Actor | None, discussion: Discussion) -> str:
    return f"{_named(asker, discussion)} asked for this RFC: the issue is wanted, whoever wrote it." if asker else ""


def _named(actor: Actor, discussion: Discussion) -> str:
    """A person of the repository, in our own words: GitHub lets a login hold letters, digits and dashes only."""
    login = re.sub(r"[^A-Za-z0-9\[\]_-]", "", actor.login)
    return f"@{login} ({STANDING[discussion.permission(actor)]})"


def _comments(discussion: Discussion) -> str:
    """All comments, oldest first; where there is no room for all, the oldest ones are left out."""
    quotes = [_comment(number, comment, discussion) for number, comment in enumerate(discussion.comments, 1)]
    return _section("What people said", latest(quotes, DISCUSSION_LIMIT, "comments"))


def _comment(number: int, comment: Comment, discussion: Discussion) -> str:
    what = f"comment {number} under issue #{discussion.issue.number}, {comment.created_at:%Y-%m-%d %H:%M}"
    body = cut(comment.body, REMARK_LIMIT)
    if comment.id in discussion.own:
        return quote(body, what=f"{what}: questions that you asked", is_markdown=True)
    standing = discussion.permission(comment.author)
    return quote(body, what=what, author=comment.author, permission=standing, is_markdown=True)


def _concerns(concerns: Sequence[Concern], discussion: Discussion) -> str:
    """The open concerns, which only people resolve."""
    rows = [
        quote(
            concern.title,
            what=f"concern {concern.number}",
            author=concern.author,
            permission=discussion.permission(concern.author),
        )
        for concern in concerns
        if concern.is_open
    ]
    return _section("Open concerns", "\n\n".join(rows)) if rows else ""


def _moved(moved: Sequence[str]) -> str:
    if not moved:
        return ""
    words = (
        "The code has changed since the RFC was written. Find out what became of these places, and whether the design still "
        "stands as it is; answer with `design_stands` and `ground`. If it does not stand, a plan for what can be built suffices."
    )
    listed = quote("\n".join(moved), what="citations of the RFC that do not hold at the base commit")
    return _section("What has moved", f"{words}\n\n{listed}")


def _template(setting: Setting) -> str:
    if setting.template is None:
        return ""
    own = ", ".join(own_headings(setting.template))
    quoted = quote(
        cut(setting.template.text, RULES_LIMIT), what=f"the repository's RFC template, {setting.template.path}"
    )
    asked = f"\n\nOf its headings, these go into `sections`: {own}." if own else ""
    return _section("The RFC template of this repository", f"{quoted}{asked}")


def _rules(setting: Setting) -> list[str]:
    rows = [
        quote(cut(text, RULES_LIMIT), what=f"{path} of the repository, at its base") for path, text in setting.rules
    ]
    return [_section("Rules of the house", "\n\n".join(rows))] if rows else []


def _rfc(rfc: Rfc) -> str:
    agreed = quote(
        for_reading(rfc.body),
        what=f"RFC version {rfc.version}, approved by a maintainer: {rfc.title}",
        is_markdown=True,
    )
    settled = "A question that still stands open in it is answered by its own recommendation."
    return _section("The agreed design", f"{agreed}\n\n{settled}\n\n{_criteria(rfc)}")


def _amended(rfc: Rfc, built_from: Rfc | None) -> str:
    """What is new in the design since the pull request was built."""
    if built_from is None or built_from.version == rfc.version:
        return ""
    words = (
        f"The pull request was built from version {built_from.version} of the design; version {rfc.version} has replaced it and "
        "counts now. Of what is new in it, build what the threads ask for, and nothing else."
    )
    changed = quote(
        cut(
            difference(for_reading(built_from.body), for_reading(rfc.body)) or "(only criteria or the plan)",
            REPORT_LIMIT,
        ),
        what=f"what differs from version {built_from.version} to version {rfc.version}",
    )
    return _section("The design was amended", f"{words}\n\n{changed}")


def _previous(rfc: Rfc) -> str:
    written = quote(
        for_reading(rfc.body), what=f"RFC version {rfc.version}, which you wrote: {rfc.title}", is_markdown=True
    )
    return _section("The version to revise", f"{written}\n\n{_criteria(rfc)}")


def _earlier(setting: Setting, discussion: Discussion) -> list[str]:
    """What came before a retry; the hint first, because it is what somebody wants to be different now."""
    earlier = setting.earlier
    if earlier is None:
        return []
    rows = [f"An earlier run at this was ended before it was done. {earlier.work}"]
    if earlier.hint.strip():
        standing = discussion.permission(earlier.hinted_by) if earlier.hinted_by is not None else None
        words = quote(
            cut(earlier.hint, REMARK_LIMIT),
            what="the words after /retry",
            author=earlier.hinted_by,
            permission=standing,
            is_markdown=True,
        )
        rows.append(f"It is tried again with this hint:\n\n{words}")
    rows.append(quote(cut(earlier.end, REPORT_LIMIT), what="how the earlier run ended"))
    if earlier.standing:
        rows.append(quote(earlier.standing, what="how far the earlier run had come"))
    return [_section("The earlier run", "\n\n".join(rows))]


def _criteria(rfc: Rfc) -> str:
    called = f"RFC version {rfc.version}" if rfc.version else "this draft"
    rows = [f"{c.id}: {c.text}" + (f"\n  proven by: {c.test}" if c.test else "") for c in rfc.criteria]
    return quote("\n".join(rows), what=f"the acceptance criteria of {called}") if rows else ""


def _plan(plan: Plan, notes: str) -> str:
    marks = {TaskState.OPEN: "[ ]", TaskState.DONE: "[x]", TaskState.DROPPED: "[dropped]"}
    rows = []
    for task in plan.tasks:
        row = f"{marks[task.state]} {task.id}: {task.title}"
        row += f" ({', '.join(task.criteria)})" if task.criteria else ""
        row += f" in {', '.join(task.files)}" if task.files else ""
        row += f": {task.why}" if task.why else ""
        rows.append(row)
    text = "\n".join(rows) + (f"\n\nNotes:\n{notes.strip()}" if notes.strip() else "")
    return _section("The plan", quote(text, what="the plan that was made for this design")) if rows else ""


def _steps(rfc: Rfc) -> str:
    """The steps that people have seen in the RFC; who plans need not find them again."""
    rows = [f"{number}. {title}" for number, title in enumerate(rfc.tasks, 1)]
    return _section("The steps that the RFC shows", quote("\n".join(rows), what="the RFC's own plan")) if rows else ""


def _questioned(questioned: tuple[Plan, str, str] | None) -> list[str]:
    if questioned is None:
        return []
    plan, notes, note = questioned
    words = "It was made in the earlier run. Keep its tasks, and their titles, but for what has to be otherwise now."
    return [_plan(plan, notes), _section("What is held against the plan", f"{note}\n\n{words}")]


def _base(setting: Setting, start: str = "base") -> list[str]:
    return [
        _section(f"How the {start} stands", _report(setting.baseline, "the checks as they ran before this work")),
        _section("What is checked" if _is_guessed(setting.checks) else "What CI requires", _check_list(setting.checks)),
    ]


def _check_list(checks: Iterable[Check]) -> str:
    rows = []
    for check in checks:
        env = "".join(f"{name}={value} " for name, value in check.env)
        place = f"  (in {check.directory})" if check.directory not in ("", ".") else ""
        left = f"  (left to CI: {check.left_out_because})" if check.left_out_because else ""
        optional = "" if check.required else "  (not required)"
        rows.append(f"{check.kind.value}: {env}{check.command}{place}{left}{optional}")
    what = "commands found in the CI configuration"
    if _is_guessed(checks):
        what = "commands that are run here, because no command of the kind was found in a CI configuration"
    return quote("\n".join(rows), what=what) if rows else ""


def _is_guessed(checks: Iterable[Check]) -> bool:
    return any(check.source == DEFAULT for check in checks)


def _map(setting: Setting) -> str:
    if not setting.repo_map.strip():
        return ""
    what = "the repository's files, and the public items of its Rust sources with their lines"
    return _section("A map of the repository", quote(cut(setting.repo_map, MAP_LIMIT), what=what))


def _diff(text: str, what: str) -> str:
    return _section("The difference", quote(cut(text, DIFF_LIMIT), what=what)) if text.strip() else ""


def _description(text: str) -> str:
    """What a pull request says of itself; people may have written in it."""
    said = text.strip() and quote(cut(text, REPORT_LIMIT), what="the description of the pull request", is_markdown=True)
    return _section("What the pull request says", said)


def _report(text: str, what: str) -> str:
    return quote(cut(text, REPORT_LIMIT), what=what) if text.strip() else ""


def _problems(text: str) -> list[str]:
    if not text.strip():
        return []
    words = (
        "What you handed in before did not hold in the fresh container. Mend this first; the workspace holds your work."
    )
    return [_section("What did not hold", f"{words}\n\n{_report(text, 'the findings of the verification')}")]


def _reviews(reviews: Sequence[Review], discussion: Discussion) -> str:
    rows = []
    for review in reviews:
        words = {"changes_requested": "requests changes", "approved": "approves", "commented": "comments"}
        what = f"review that {words.get(review.state.value, review.state.value)}"
        body = cut(review.body, REMARK_LIMIT) or "(no text of its own; see the threads)"
        standing = discussion.permission(review.author)
        rows.append(quote(body, what=what, author=review.author, permission=standing, is_markdown=True))
    return "\n\n".join(rows) or "(Only the threads below.)"
