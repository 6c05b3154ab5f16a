"""Fits what is said of a change into the repository's own template for pull requests; what cannot be said stays open. Pure.

Where GitHub looks for it: https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import basename, dirname

from bot.domain import CheckKind, Evidence

_NAME = re.compile(r"^pull_request_template(?:\.(?:md|markdown|txt))?$", re.IGNORECASE)
_FOLDER = re.compile(r"^(?:\.github/|docs/)?pull_request_template$", re.IGNORECASE)
_PLACES = (".github", "", "docs")
_REMARK = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_BOX = re.compile(r"^(\s*[-*+]\s+)\[[ xX]?\]\s+(.*)$")
_SUMMARY = re.compile(r"descri|summar|overview|\bwhat\b|\bwhy\b|change|motivat|context|purpose|about", re.IGNORECASE)
_ISSUE = re.compile(r"\bissues?\b|\bticket|\bfixes\b|\bcloses\b|\blinks?\b|related", re.IGNORECASE)
_TESTING = re.compile(r"\btest|verif|\bqa\b", re.IGNORECASE)
_LIST = re.compile(r"check ?list|type of change|before (?:you )?(?:submit|merg)", re.IGNORECASE)
_CLOSES = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s*#\s*(?:\d+|<[^>]*>|\(?issue\)?|_+)?\s*$", re.IGNORECASE
)
LIMIT = 8_000
"""Characters of a template; what is longer is no form but a document."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a template may ask for: the author's summary, the issue, what was proven, and the paths that were touched."""

    summary: str
    issue: int
    evidence: Evidence
    paths: tuple[str, ...] = ()


def find_template(paths: Iterable[str]) -> str | None:
    """The path of the template that GitHub would offer; None where there is none, or a folder with a choice of several."""
    named = [path for path in paths if _NAME.match(basename(path)) and dirname(path) in _PLACES]
    if named:
        return min(named, key=lambda path: (_PLACES.index(dirname(path)), path))
    in_folder = [path for path in paths if _FOLDER.match(dirname(path)) and path.lower().endswith(".md")]
    return in_folder[0] if len(in_folder) == 1 else None


def opening(template: str, answers: Answers) -> str:
    """The first part of a pull request's body: the template with what can be said in it, or the plain words where it is none."""
    text = _REMARK.sub("", template).strip()
    plain = f"{answers.summary.strip()}\n\nCloses #{answers.issue}."
    if not text or len(text) > LIMIT:
        return plain
    filled = _filled(text, answers)
    missing = []
    if answers.summary.strip() not in filled:
        missing.append(answers.summary.strip())
    if f"Closes #{answers.issue}" not in filled:
        missing.append(f"Closes #{answers.issue}.")
    return "\n\n".join([*missing, filled])


def _filled(text: str, answers: Answers) -> str:
    has_summary = has_testing = False
    parts = []
    for heading, body in _sections(text):
        title = heading.lstrip("# ")
        lines = [_ticked(line, answers) for line in body.splitlines() if not _CLOSES.search(line)]
        rest = "\n".join(lines).strip()
        said = ""
        if not heading or _LIST.search(title):
            pass
        elif _ISSUE.search(title):
            said = f"Closes #{answers.issue}."
        elif _TESTING.search(title) and not has_testing:
            said, has_testing = _testing(answers.evidence), True
        elif _SUMMARY.search(title) and not has_summary:
            said, has_summary = answers.summary.strip(), True
        parts.append("\n\n".join(part for part in (heading, said, rest) if part))
    return "\n\n".join(part for part in parts if part)


def _sections(text: str) -> list[tuple[str, str]]:
    """Headings with what stands below each; the first has none."""
    found: list[tuple[str, list[str]]] = [("", [])]
    fence = ""
    for line in text.splitlines():
        opened = re.match(r"\s*(```+|~~~+)", line)
        if opened:
            fence = "" if fence and opened[1].startswith(fence) else fence or opened[1]
        if not fence and _HEADING.match(line):
            found.append((line.strip(), []))
        else:
            found[-1][1].append(line)
    return [(heading, "\n".join(lines).strip()) for heading, lines in found]


def _testing(evidence: Evidence) -> str:
    proven = sum(proof.is_green for proof in evidence.proofs)
    if not proven:
        return "No new test; the checks below ran in a fresh container."
    were = "test was" if proven == 1 else "tests were"
    return f"{proven} new {were} red without the change and green with it; the table below names them."


def _ticked(line: str, answers: Answers) -> str:
    """A box of a list is ticked only where it is known to hold; every other one is the reviewers' own."""
    box = _BOX.match(line)
    if box is None:
        return line
    return f"{box[1]}[{'x' if _holds(box[2].lower(), answers) else ' '}] {box[2]}"


def _holds(text: str, answers: Answers) -> bool:
    def is_green(*kinds: CheckKind) -> bool:
        results = [result for result in answers.evidence.checks if result.check.kind in kinds]
        return bool(results) and all(result.is_success for result in results)

    if re.search(r"\bnot\b|\bno\b|\bbreaking\b|n/a", text):
        return False
    if "changelog" in text:
        return any(basename(path).lower().startswith("changelog") for path in answers.paths)
    if re.search(r"\bclippy\b|\blint", text):
        return is_green(CheckKind.CLIPPY)
    if re.search(r"\bfmt\b|rustfmt|\bformatted\b", text):
        return is_green(CheckKind.FMT)
    if re.search(r"\badd(?:ed)?\b.{0,40}\btests?\b|\btests?\b.{0,40}\badded\b|covered by tests", text):
        return any(proof.is_green for proof in answers.evidence.proofs)
    if re.search(r"\btests?\b.{0,30}\bpass|cargo test", text):
        return is_green(CheckKind.TEST, CheckKind.NEXTEST)
    return False
