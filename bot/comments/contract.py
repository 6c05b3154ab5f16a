"""What is said of a change's contract: a table on the pull request, a line in the check run. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bot.comments.form import cell
from bot.domain import Contract, ItemChange, Release, Semver, Term, TermKind
from bot.rust.signatures import in_code

TERMS_SHOWN = 12
"""Rows of the table; the rest is counted by kind."""

RULES = "https://doc.rust-lang.org/cargo/reference/semver.html"
NOTHING = "No public item, dependency or feature differs, and no `unsafe`, call that can panic or silenced lint is new."

_CODE = 140
_VERBS = {ItemChange.ADD: "added", ItemChange.CHANGE: "changed", ItemChange.REMOVE: "removed"}
_PLURALS = {
    TermKind.API: ("public item", "public items"),
    TermKind.DEPENDENCY: ("dependency", "dependencies"),
    TermKind.FEATURE: ("feature", "features"),
    TermKind.TOOLCHAIN: ("demand on the toolchain", "demands on the toolchain"),
    TermKind.UNSAFE: ("use of `unsafe`", "uses of `unsafe`"),
    TermKind.PANIC: ("call that can panic", "calls that can panic"),
    TermKind.STUB: ("stub", "stubs"),
    TermKind.LINT: ("silenced lint", "silenced lints"),
}


def contract_section(contract: Contract, departures: Sequence[str] = ()) -> str:
    """The contract as a table; `departures` says of each term how it leaves the RFC ("" if it does not), empty without one."""
    if not contract:
        return f"### Contract\n\n{NOTHING}"
    shown = _weightiest(contract, departures)
    has_rfc = len(departures) == len(contract.terms)
    rows = [
        "| | What | Semver, remarks |" + (" RFC |" if has_rfc else ""),
        "|---|---|---|" + ("---|" if has_rfc else ""),
    ]
    for position in shown:
        term = contract.terms[position]
        row = f"| {term.kind} | {_what(term)} | {_asks_for(term)} |"
        rows.append(f"{row} {_verdict(departures[position])} |" if has_rfc else row)
    rest = [term for position, term in enumerate(contract.terms) if position not in shown]
    parts = ["### Contract", _releases(contract.releases), "\n".join(rows)]
    if rest:
        parts.append(f"And {_counts(rest)} more.")
    return "\n\n".join(part for part in parts if part)


def contract_summary(contract: Contract, departures: Sequence[str] = ()) -> str:
    """The same in one line."""
    if not contract:
        return f"Contract: {NOTHING[0].lower()}{NOTHING[1:]}"
    parts = [_counts(contract.terms)]
    parts += [f"asks for a {release.level} release of {in_code(release.package)}" for release in contract.releases]
    if strays := sum(1 for said in departures if said):
        parts.append(f"{strays} not as the RFC has it")
    return f"Contract: {'; '.join(parts)}."


def _weightiest(contract: Contract, departures: Sequence[str]) -> set[int]:
    """The positions of the terms that are worth a row: what breaks others first, then what nobody foresaw."""

    def weight(position: int) -> tuple[bool, bool, int]:
        term = contract.terms[position]
        return term.level is not Semver.MAJOR, not (departures and departures[position]), position

    return set(sorted(range(len(contract.terms)), key=weight)[:TERMS_SHOWN])


def _what(term: Term) -> str:
    place = in_code(f"{term.path}:{term.line}" if term.line else term.path)
    code = _named(term.shown, term.name) if term.kind is TermKind.API else term.shown
    if term.was and term.change is ItemChange.CHANGE:
        said = f"{_code(term.was)} → {_code(term.shown)}"
        said = said if term.kind is not TermKind.API else f"{_code(term.name)}: {said}"
    else:
        said = _code(code)
    when = " before" if term.change is ItemChange.REMOVE else ""
    return cell(f"{_VERBS[term.change]} {said} ({place}{when})")


def _named(shown: str, name: str) -> str:
    """The declaration with the item's full name in the place of its own."""
    last = re.split(r"::|\.", name)[-1]
    return re.sub(rf"(?<![\w:]){re.escape(last)}\b", lambda _: name, shown, count=1) if last else shown


def _code(text: str) -> str:
    flat = " ".join(text.split())
    return in_code(flat if len(flat) <= _CODE else f"{flat[: _CODE - 1]}…")


def _asks_for(term: Term) -> str:
    level = "" if term.level is Semver.NONE else f"**{term.level}**" if term.level is Semver.MAJOR else str(term.level)
    if not term.is_certain:
        level = f"may be {level}" if level else ""
        if term.kind is TermKind.API and "macro" in term.note or "no `mod`" in term.note:
            level = f"may be public, then {level.removeprefix('may be ')}"
    return cell(": ".join(part for part in (level, term.note) if part) or "–")


def _verdict(departure: str) -> str:
    return f"⚠️ {departure}" if departure else "✓"


def _counts(terms: Sequence[Term]) -> str:
    counts = Counter(term.kind for term in terms)
    return ", ".join(f"{count} {_PLURALS[kind][count > 1]}" for kind, count in counts.items())


def _releases(releases: Sequence[Release]) -> str:
    """What the next versions must be by cargo's rules, in a sentence."""
    said = []
    for release in releases:
        wanted = next_version(release.version, release.level)
        now = f", and the change sets {in_code(release.now)}" if release.now != release.version else ""
        to = f", {in_code(release.version)} → {in_code(wanted)}" if wanted else ""
        said.append(f"{in_code(release.package)} **{release.level}**{to}{now}")
    early = any(release.version.startswith("0.") and release.level is Semver.MAJOR for release in releases)
    hint = " Before 1.0, what is major moves the first number that is not 0." if early else ""
    return f"By [cargo's rules]({RULES}) it asks for: {'; '.join(said)}.{hint}" if said else ""


def next_version(version: str, level: Semver) -> str:
    """The least version after `version` that cargo takes for a change of this level; "" where that cannot be told."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)$", version)
    if match is None or level is Semver.NONE:
        return ""
    numbers = [int(number) for number in match.groups()]
    first = next((place for place, number in enumerate(numbers) if number), 2)
    place = {Semver.MAJOR: first, Semver.MINOR: max(1, first + 1), Semver.PATCH: 2}[level]
    place = min(place, 2)
    return ".".join(
        str(number + 1 if at == place else 0 if at > place else number) for at, number in enumerate(numbers)
    )
