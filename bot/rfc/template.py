"""A repository's own words on how RFCs are written there: its template, and the rules for whoever changes its code; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

TEMPLATES = re.compile(
    r"(?:docs?/)?(?:rfcs?|rfc|proposals|design)/(?:0+[-_])?(?:rfc[-_])?template\.md|\.github/rfc[-_]template\.md",
    re.IGNORECASE,
)
"""Where templates lie, as in rust-lang/rfcs (`0000-template.md`) and its many followers."""

RULES = re.compile(r"(?:\.github/|docs/)?(?:AGENTS|CLAUDE|CONTRIBUTING|AI[-_]POLICY|AI[-_]USAGE|AI)\.md", re.IGNORECASE)
"""Files in which projects say what they expect of contributors, machines among them."""

# A heading of a template, in lower case, and the part of our document that means the same.
_MEANINGS = (
    ("current_behaviour", ("background", "current behaviour", "current behavior", "status quo", "context")),
    ("vision", ("motivation", "why", "goals", "problem", "guide-level explanation", "use cases", "user stories")),
    ("design", ("reference-level explanation", "detailed design", "design", "proposal", "implementation", "solution")),
    ("compatibility", ("compatibility", "semver", "breaking changes", "migration", "stability")),
    ("criteria", ("acceptance criteria", "testing", "test plan", "tests")),
    ("non_goals", ("non-goals", "non goals", "future possibilities", "future work", "out of scope")),
    ("risks", ("drawbacks", "risks", "security considerations", "risks and edge cases")),
    ("alternatives", ("rationale and alternatives", "alternatives", "alternatives considered", "rationale")),
    ("questions", ("unresolved questions", "open questions", "questions")),
)


@dataclass(frozen=True, slots=True)
class RfcTemplate:
    """The repository's template: its path, its text, and its headings in their order."""

    path: str
    text: str

    @property
    def headings(self) -> tuple[str, ...]:
        plain = re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)
        found = re.findall(r"^#{1,3} +(.+?) *#*$", plain, flags=re.MULTILINE)
        return tuple(re.sub(r"[`*_]", "", heading).strip() for heading in found)

    @property
    def folder(self) -> str:
        """Where the repository keeps its RFCs: beside the template."""
        return self.path.rpartition("/")[0]


def find_template(paths: Collection[str], configured: str | None) -> str | None:
    """The template's path: the configured one, else the first where templates usually lie; None where there is none."""
    if configured:
        return configured if configured in paths else None
    return min(
        (path for path in paths if TEMPLATES.fullmatch(path)), key=lambda path: (path.count("/"), path), default=None
    )


def find_rules(paths: Iterable[str]) -> tuple[str, ...]:
    """The files with the rules of the house, those at the top first."""
    return tuple(sorted((path for path in paths if RULES.fullmatch(path)), key=lambda path: (path.count("/"), path)))


def own_headings(template: RfcTemplate) -> tuple[str, ...]:
    """The headings that none of our sections answers: whoever writes the RFC must."""
    skipped = ("summary", "abstract", "rfc", "title", "start date", "metadata")
    return tuple(
        heading
        for heading in template.headings
        if _meaning(heading) is None and not any(heading.lower().startswith(word) for word in skipped)
    )


def arranged(sections: Sequence[tuple[str, str, str]], template: RfcTemplate | None) -> list[tuple[str, str, str]]:
    """Sections (our name for it, heading, text) in the template's order and under its headings, then all others."""
    if template is None:
        return list(sections)
    left = list(sections)
    ordered: list[tuple[str, str, str]] = []
    for heading in template.headings:
        meant = _meaning(heading)
        found = next((s for s in left if (s[0] and s[0] == meant) or s[1].lower() == heading.lower()), None)
        if found is not None:
            left.remove(found)
            # The criteria keep their own heading, by which they are found again in an edited text.
            ordered.append((found[0], found[1] if found[0] == "criteria" else heading, found[2]))
    return ordered + left


def _meaning(heading: str) -> str | None:
    plain = heading.lower().strip(" .:?")
    return next((name for name, words in _MEANINGS if plain in words), None)
