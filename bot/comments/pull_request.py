"""What is said on a pull request: its body with every promise and its proof, the answers to a review, the check run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.comments.contract import contract_section, contract_summary
from bot.comments.form import BODY_LIMIT, END, cell, closing_only, fit, tokens
from bot.comments.mutants import mutation_section, mutation_sentence
from bot.comments.rfc import drift_section
from bot.comments.template import Answers, opening
from bot.comments.vocabulary import RED_WORDS
from bot.domain import (
    BundleLink,
    CheckResult,
    Contract,
    Criterion,
    Evidence,
    LookHere,
    Plan,
    Proof,
    PullRequest,
    Rfc,
    Severity,
    TaskState,
    Usage,
)
from bot.rfc.drift import Drift
from bot.rust.ci_log import is_learned

READING_ORDER = "### How to review"
PROMISES = "### Every promise and its proof"
CHECKS = "### Checks, run in a fresh container without a network"

LOOK_HERE_AT_MOST = 5
"""How many places a reviewer is asked to judge; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a change was built from: a version of an RFC, where it stands, and where the two differ.

    `taken_up` is the later version that a review has taken up since, 0 where none has.
    """

    rfc: Rfc
    url: str = ""
    drift: Drift = Drift()
    taken_up: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """What the author says of a change; its commits in order, each with its headline, and the paths that it touches.

    `template` is the repository's own form for pull requests, `remarks` name what was not done of the plan, and customs of
    the repository that are not met.
    """

    summary: str
    deviations: str = ""
    notes: str = ""
    commits: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    template: str = ""
    remarks: tuple[str, ...] = ()


def pull_request_body(
    *,
    issue: int,
    account: Account,
    source: Source | None,
    evidence: Evidence,
    usage: Usage,
    contract: Contract,
) -> str:
    """What a reviewer reads first: what and why, the promise and its proof, what it binds people to, the checks."""
    parts = [opening(account.template, Answers(account.summary, issue, evidence, account.paths))]
    rfc = source.rfc if source is not None else None
    if source is not None:
        parts.append(built_from(source))
    if len(account.commits) > 1:
        parts.append(f"{READING_ORDER}\n\n{_reading_order(account.commits)}")
    if account.deviations.strip():
        parts.append(f"### Where this departs from the RFC\n\n{account.deviations.strip()}")
    notes = "\n\n".join([*([account.notes.strip()] if account.notes.strip() else []), *account.remarks])
    if notes:
        parts.append(f"### Worth knowing\n\n{notes}")
    if evidence.look_here:
        parts.append(f"### Look here\n\n{_look_here(evidence.look_here)}")
    if rfc is not None:
        parts.append(f"{PROMISES}\n\n{_trace_table(rfc.criteria, evidence)}")
    if evidence.mutation is not None:
        parts.append(mutation_section(evidence.mutation))
    parts.append(contract_section(contract, source.drift.terms if source is not None else ()))
    if source is not None and source.drift:
        parts.append(drift_section(source.drift))
    parts.append(f"{CHECKS}\n\n{_check_table(evidence.checks)}")
    used = f"Rust {evidence.rustc}." if evidence.rustc else ""
    parts += [said for said in (evidence.toolchain_remark or used,) if said]
    if evidence.passed_after:
        parts.append(f"{evidence.passed_after} tests pass; {evidence.passed_before} passed before.{_runs(evidence)}")
    if evidence.bundle is not None:
        parts.append(_bundle_sentence(evidence.bundle))
    parts.append(
        "Review it as you would a colleague's: comment on lines, submit the review, and I will answer every thread.\n\n"
        f"<sub>{tokens(usage)}</sub>"
    )
    return fit(closing_only("\n\n".join(parts), issue), BODY_LIMIT)


def plan_remarks(plan: Plan) -> tuple[str, ...]:
    """What was not done of the plan, a sentence for each task; the reason is the author's."""
    return tuple(
        f"Planned, but dropped: {task.title.rstrip('.')}. {task.why.strip()}".rstrip()
        if task.state is TaskState.DROPPED
        else f"Planned, but never ticked: {task.title.rstrip('.')}."
        for task in plan.tasks
        if task.state is not TaskState.DONE
    )


def told_only_here(body: str) -> str:
    """A pull request's body without what its author is shown anyway: the commits, the criteria with their tests, the checks.

    The author's summary stays, as do the places to look at, and whatever people have added.
    """
    sections = re.split(rf"(?m)^(?=### |{re.escape(END)})", body)
    return "".join(each for each in sections if not each.startswith((READING_ORDER, PROMISES, CHECKS)))


def built_from(source: Source) -> str:
    """The version of the RFC that a change was built from, in one sentence."""
    version = f"version {source.rfc.version} of the RFC"
    link = f"[{version}]({source.url})" if source.url else version
    built = f"Built from {link} (digest `{source.rfc.digest[:12]}`)."
    if not source.taken_up:
        return built
    return f"{built} A review has taken up version {source.taken_up} since; what is new in that is not among the promises below."


def _reading_order(commits: Sequence[tuple[str, str]]) -> str:
    """The commits in order: what was promised first, then how it was kept."""
    lines = [f"{number}. {sha[:12]} {cell(headline)}" for number, (sha, headline) in enumerate(commits, 1)]
    return (
        "The first commit holds the tests, and fails; with the last one everything is green. Commit by commit:\n\n"
        + "\n".join(lines)
    )


def _look_here(lines: Sequence[LookHere]) -> str:
    """What only a human can accept, the gravest first."""
    order = list(Severity)
    ranked = sorted(lines, key=lambda line: order.index(line.severity))
    said = [
        f"- `{cell(line.place)}`: {cell(line.sentence)}" + (f" {cell(line.reason)}" if line.reason else "")
        for line in ranked[:LOOK_HERE_AT_MOST]
    ]
    more = len(ranked) - len(said)
    return "\n".join([*said, *([f"- … and {more} more like these."] if more else [])])


def _trace_table(criteria: Sequence[Criterion], evidence: Evidence) -> str:
    kills = _kills(evidence)
    has_kills = any(kills.values())

    def notices(proof: Proof) -> str:
        count = kills.get(proof.test, 0)
        return f" {count} mutant{'' if count == 1 else 's'} |" if count else ""

    rows = ["| | What must hold | Test | Without it | With it |", "|---|---|---|---|---|"]
    if has_kills:
        rows = ["| | What must hold | Test | Without it | With it | Notices |", "|---|---|---|---|---|---|"]
    for criterion in criteria:
        proofs = [proof for proof in evidence.proofs if criterion.id in proof.criteria]
        cells = [f"{_proof_cells(proof)} |{notices(proof)}" for proof in proofs] or _unproven(criterion, evidence)
        for number, text in enumerate(cells):
            first = (f"**{criterion.id}**", cell(criterion.text)) if number == 0 else ("", "")
            rows.append(f"| {first[0]} | {first[1]} | {text}")
    others = [proof for proof in evidence.proofs if not proof.criteria]
    rows += [
        f"| | {'' if number else '*other new tests*'} | {_proof_cells(proof)} |{notices(proof)}"
        for number, proof in enumerate(others)
    ]
    named = {test for _, test in evidence.pinned_for}
    rows += [
        f"| | {'' if number else '*asked for later, of what was so already*'} | `{cell(test)}` | 🟢 passed | 🟢 passes |"
        for number, test in enumerate(test for test in evidence.pinned if test not in named)
    ]
    return "\n".join(rows)


def _unproven(criterion: Criterion, evidence: Evidence) -> list[str]:
    """What is told of a criterion for which no test was shown red: another kind of test, or why there is none."""
    pinned = [test for criterion_id, test in evidence.pinned_for if criterion_id == criterion.id]
    if pinned:
        return [f"`{cell(test)}` | 🟢 passed already when a review brought it | 🟢 passes |" for test in pinned]
    kept = [test for criterion_id, test in evidence.kept if criterion_id == criterion.id]
    if kept:
        return [f"`{cell(kept[0])}` | 🟢 held | 🟢 holds |"]
    gone = [taken for taken in evidence.taken_out if criterion.id in taken.criteria]
    return [
        f"~~`{cell(taken.test)}`~~ | 🔴 {RED_WORDS[taken.red]} | **not proven any more: "
        f"{'a review had this test taken out' if taken.in_review else 'this test is gone'}** |"
        for taken in gone
    ] or ["– | | **not proven by a test** |"]


def _runs(evidence: Evidence) -> str:
    alone = ", each in a process of its own" if evidence.is_isolated else ""
    return f" Each new test passed {evidence.runs} times{alone}." if evidence.runs > 1 else ""


def _kills(evidence: Evidence) -> dict[str, int]:
    """How many mutants each proven test notices; its name is compared without the file of its binary."""
    killed = evidence.mutation.killed if evidence.mutation is not None else ()
    return {
        proof.test: sum(any(f"::{proof.test}".endswith(f"::{name}") for name in mutant.killed_by) for mutant in killed)
        for proof in evidence.proofs
    }


def _proof_cells(proof: Proof) -> str:
    shown_as = f", as `{cell(proof.shown_as)}`" if proof.shown_as else ""
    return (
        f"`{cell(proof.test)}` | 🔴 {RED_WORDS[proof.red]}{shown_as} | {'🟢 passes' if proof.is_green else '🔴 fails'}"
    )


def _check_table(results: Iterable[CheckResult]) -> str:
    rows = ["| | Command | Time |", "|---|---|---|"]
    for result in results:
        mark = "✅" if result.is_success else "⚠️"
        words = f" ({result.ran_as})" if result.ran_as else ""
        words += " (learned from CI)" if is_learned(result.check) else ""
        words += "" if result.is_success else f" ({result.exit}, as on the base)"
        if result.flaky:
            words += f"; flaky, passed when run again: {', '.join(f'`{cell(key)}`' for key in result.flaky[:5])}"
        rows.append(f"| {mark} | `{cell(result.check.command)}`{words} | {result.seconds:.1f} s |")
    return "\n".join(rows)


def _bundle_sentence(bundle: BundleLink) -> str:
    """Where the evidence is to be had, and how anybody runs it again."""
    archive = f"[one archive]({bundle.url})" if bundle.url else "one archive, which is kept where I run"
    return (
        f"All of this is in {archive}: facts, reports, patches. `flask --app app verify {bundle.digest}` runs it again."
    )


def opened_note(pull_request: PullRequest) -> str:
    if pull_request.is_draft:
        return (
            f"The pull request is #{pull_request.number}, a draft until CI is green; then I will ask for your review."
        )
    return f"The pull request is #{pull_request.number}. I am looking forward to your review."


def evidence_title(evidence: Evidence) -> str:
    green = sum(proof.is_green for proof in evidence.proofs)
    checks = sum(result.is_success for result in evidence.checks)
    parts = [f"{green} new tests red, then green"] if evidence.proofs else []
    return ", ".join([*parts, f"{checks} of {len(evidence.checks)} checks green"])


def evidence_summary(evidence: Evidence, contract: Contract, departures: Sequence[str] = ()) -> str:
    """The check run's summary: the same facts as in the pull request, shorter."""
    green = sum(proof.is_green for proof in evidence.proofs)
    lines = []
    if evidence.proofs:
        lines.append(f"{green} of {len(evidence.proofs)} new tests were red without the change and are green with it.")
    if evidence.mutation is not None:
        lines.append(mutation_sentence(evidence.mutation))
    lines += [contract_summary(contract, departures), _check_table(evidence.checks)]
    if evidence.bundle is not None:
        lines.append(_bundle_sentence(evidence.bundle))
    return "\n\n".join(lines)
