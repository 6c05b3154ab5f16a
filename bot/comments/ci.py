"""What is said of the repository's own CI: red on the base as well, flaky, mended, or given up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.comments.form import cell
from bot.domain import CiCheck, CiFailure, Missed


@dataclass(frozen=True, slots=True)
class Round:
    """A round of mending as it is told in the end: what failed, what was made of it, and the commit, if one was pushed."""

    failures: tuple[CiFailure, ...]
    outcome: str
    pushed: str = ""


def red_on_base_comment(jobs: Sequence[str], base_ref: str, *, is_draft: bool) -> str:
    """CI fails as it fails without the change."""
    fail = "fails" if len(jobs) == 1 else "fail"
    draft = " I leave this a draft; mark it ready if you want to review it all the same." if is_draft else ""
    return f"{_names(jobs)} {fail} on `{base_ref}` as well, in the newest run there, so I change nothing because of it.{draft}"


def foreign_red_comment(checks: Sequence[CiCheck]) -> str:
    """Something that is no job of GitHub Actions is red."""
    listed = "\n".join(f"- {_linked(check.name, check.url)}{_said(check.text)}" for check in checks)
    return f"These checks are red, and I cannot see why, because they are not run by GitHub Actions:\n\n{listed}\n\nTell me what they want, in a review."


def flaky_comment(jobs: Sequence[str]) -> str:
    """What failed passed when it was run again."""
    return f"{_names(jobs)} failed on CI and passed when run again: flaky, as far as I can tell."


def mended_note(failures: Sequence[CiFailure], cause: str, summary: str, commit: str) -> str:
    """What failed, why the bot's own checks did not see it, and what was done."""
    rows = "\n".join(_row(failure) for failure in failures)
    done = f"Pushed as {commit[:12]}." if commit else "I pushed nothing."
    return f"**What failed**\n\n{rows}\n\n{cause.strip()}\n\n**What I did**\n\n{summary.strip()} {done}"


def rounds_over_comment(rounds: Sequence[Round], jobs: Sequence[str]) -> str:
    """The report after the last round: what was tried, and what a human could do next."""
    told = []
    for number, each in enumerate(rounds, 1):
        places = ", ".join(f"`{cell(failure.place)}`" for failure in each.failures) or "CI"
        commit = f" ({each.pushed[:12]})" if each.pushed else ""
        told.append(f"{number}. {places}: {_first_line(each.outcome)}{commit}")
    listed = "\n".join(told)
    return (
        f"{_names(jobs)} still {'fails' if len(jobs) == 1 else 'fail'} on CI after {len(rounds)} rounds, so I stop here.\n\n"
        f"{listed}\n\nPush to this branch, submit a review, or comment with what I do not see; then I look at CI again when it has run."
    )


_BECAUSE = {
    Missed.UNKNOWN: "I had not found this command in your workflows; from now on it is among my checks for this repository.",
    Missed.LEFT_OUT: "I leave this command to CI",
    Missed.PASSED: "The same command passed in my container",
    Missed.NO_COMMAND: "The step is no command of cargo's, so I did not run it.",
}


def _row(failure: CiFailure) -> str:
    step = f", step “{cell(failure.step)}”" if failure.step else ""
    said = f": {_code(failure.headline)}" if failure.headline else "."
    because = _BECAUSE[failure.missed]
    if failure.missed is Missed.LEFT_OUT:
        because = f"{because}: it {failure.because}." if failure.because else f"{because}."
    if failure.missed is Missed.PASSED:
        because = f"{because}; CI ran it on {failure.runner}." if failure.runner else f"{because}."
    commands = "".join(f" {_code(command)}" for command in failure.commands[:3])
    return f"- {_linked(failure.place, failure.url)}{step}{said}\n  {because}{commands}"


def _linked(name: str, url: str) -> str:
    return f"[{cell(name)}]({url})" if url else f"`{cell(name)}`"


def _said(text: str) -> str:
    return f": {_code(text)}" if text else ""


def _code(text: str) -> str:
    """Somebody's words as code, in which nobody is mentioned and nothing is a link."""
    return f"`{cell(text).replace('`', chr(39))}`"


def _names(jobs: Sequence[str]) -> str:
    return ", ".join(f"`{cell(job)}`" for job in jobs)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0] or "it could not be finished"
