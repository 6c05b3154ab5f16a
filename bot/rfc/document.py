"""The Markdown of a design as people read it, the digest that an approval is bound to, and the way back from edited Markdown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bot.domain import Actor, Citation, Criterion, Foreseen, ForeseenFile, ItemChange, Rfc, Semver, Task
from bot.rfc.draft import Alternative, Question, RfcDraft
from bot.rfc.template import RfcTemplate, arranged

_CITED = re.compile(r"`?(?P<path>[\w./@+-]+):(?P<line>\d+)`?")
_PERMALINK = re.compile(r"\[(`[^`\n]+`)\]\([^()\s]+/blob/[0-9a-f]{40}/[^()\s]+\)")
_CRITERION = re.compile(r"^[-*] +(?:\*\*)?(?P<id>AC-[1-9][0-9]*)(?:\*\*)?[:.]? *(?P<text>.*)$")
_PROOF = re.compile(r"\s*<sub>proven by (?P<test>.*?)</sub>\s*$", re.DOTALL)

CRITERIA, PLAN, CITATIONS = "Acceptance criteria", "Implementation plan", "Code this rests on"
"""The sections whose content the host holds in a better form than Markdown."""
UNVERIFIED = "⚠️ *not verified*"


def publish(
    draft: RfcDraft, *, version: int, base_commit: str, repository_url: str, template: RfcTemplate | None = None
) -> Rfc:
    """Make the version that will stand in the issue, with permalinks into `repository_url` at `base_commit`."""
    body = render(draft, base_commit=base_commit, repository_url=repository_url, template=template)
    return Rfc(
        version=version,
        title=draft.title,
        body=body,
        criteria=draft.criteria,
        base_commit=base_commit,
        digest=digest(body),
        citations=draft.citations,
        foreseen=draft.foreseen,
        parts=draft.parts,
        tasks=tuple(task.title for task in draft.tasks),
    )


def edited(previous: Rfc, *, title: str, body: str, editor: Actor | None) -> Rfc | None:
    """The version that somebody made by editing the text of `previous`; None where its content is the same.

    Whatever was written stays verbatim. The criteria are read back from their section; where none can be read, those of
    the version before still count. What the host knows beside the text (files, citations) is kept as it was.
    """
    if digest(body) == previous.digest:
        return None
    return replace(
        previous,
        version=previous.version + 1,
        title=title.strip() or previous.title,
        body=body.replace("\r\n", "\n").strip(),
        criteria=criteria_in(body) or previous.criteria,
        digest=digest(body),
        author=editor,
    )


def digest(body: str) -> str:
    """SHA-256 of the document's content: line ends, trailing blanks and blank lines do not count."""
    lines = (line.rstrip() for line in body.replace("\r\n", "\n").split("\n"))
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()


def render(draft: RfcDraft, *, base_commit: str, repository_url: str, template: RfcTemplate | None = None) -> str:
    """Write the document as GitHub Markdown, without the header that the comment puts above it.

    With a `template` the sections stand in its order and under its headings where they mean the same.
    """
    unverified = frozenset(draft.unverified)
    cited = {(citation.path, citation.line) for citation in draft.citations}

    def linked(text: str) -> str:
        return _link_citations(text, cited, unverified, base_commit, repository_url)

    vision = "\n\n".join(part.strip() for part in (linked(draft.vision), draft.example) if part.strip())
    sections = [
        ("vision", "What people will see", vision),
        ("current_behaviour", "How it is now", linked(draft.current_behaviour)),
        ("design", "Design", "\n\n".join(filter(None, (linked(draft.design).strip(), _touched(draft.foreseen))))),
        ("compatibility", "Compatibility", linked(draft.compatibility)),
        ("criteria", CRITERIA, criteria_list(draft.criteria)),
        ("non_goals", "Not part of this", linked(draft.non_goals)),
        ("risks", "Risks and edge cases", linked(draft.risks)),
        ("alternatives", "Alternatives considered", _alternatives(draft.alternatives, linked)),
        ("questions", "Open questions", _questions(draft.questions)),
        *(("", section.heading, linked(section.text)) for section in draft.sections),
    ]
    parts = [draft.summary.strip()]
    for name, heading, text in arranged(sections, template):
        folded = name == "alternatives" and template is None
        parts += _folded(heading, text) if folded else _section(heading, text)
    if draft.parts:
        listed = "\n".join(
            f"{n}. **{part.title}** ({', '.join(part.criteria)}): {part.summary}"
            for n, part in enumerate(draft.parts, 1)
        )
        parts += _section("Parts", f"{listed}\n\n`/rfc split` opens an issue for each of them, in this order.")
    parts += _folded(PLAN, _task_list(draft.tasks))
    parts += _folded(CITATIONS, _citation_list(draft.citations, unverified, base_commit, repository_url))
    return "\n\n".join(part for part in parts if part)


def _section(title: str, text: str) -> list[str]:
    return [f"### {title}", text.strip()] if text.strip() else []


def _folded(title: str, text: str) -> list[str]:
    if not text.strip():
        return []
    return [f"<details>\n<summary><b>{title}</b></summary>\n\n{text.strip()}\n\n</details>"]


def criteria_list(criteria: Iterable[Criterion]) -> str:
    """The criteria word for word, as list items: a table would eat blanks, bars and line ends."""
    lines = []
    for criterion in criteria:
        text = criterion.text.strip().replace("\n", "\n  ")
        test = criterion.test if "`" in criterion.test else _inline_code(criterion.test)
        proof = f"\n  <sub>proven by {test}</sub>" if criterion.test else ""
        lines.append(f"- **{criterion.id}** {text}{proof}")
    return "\n".join(lines)


def for_reading(body: str) -> str:
    """The document for a reader who has the criteria and the plan beside it: without these, and without links."""
    text = re.sub(rf"^#+ {CRITERIA}\n.*?(?=^#+ |^<details>|\Z)", "", body, flags=re.MULTILINE | re.DOTALL)
    for title in (PLAN, CITATIONS):
        text = re.sub(rf"<details>\s*<summary><b>{title}</b></summary>.*?</details>", "", text, flags=re.DOTALL)
    return re.sub(r"\n{3,}", "\n\n", _PERMALINK.sub(r"\1", text)).strip()


def has_words(rfc: Rfc, words: str) -> bool:
    """Whether a sentence stands in the document, whatever blanks and emphasis are in it; two words are no sentence."""
    wanted = _bare(words)
    criteria = "\n".join(f"{criterion.id}: {criterion.text}" for criterion in rfc.criteria)
    return len(wanted.split()) > 2 and any(wanted in _bare(text) for text in (for_reading(rfc.body), criteria))


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[*_`>]", "", text).split())


def _task_list(tasks: Iterable[Task]) -> str:
    lines = []
    for number, task in enumerate(tasks, 1):
        files = f" ({', '.join(f'`{file}`' for file in task.files)})" if task.files else ""
        criteria = f": {', '.join(task.criteria)}" if task.criteria else ""
        lines.append(f"{number}. {task.title}{files}{criteria}")
    return "\n".join(lines)


def _citation_list(
    citations: Iterable[Citation], unverified: frozenset[str], base_commit: str, repository_url: str
) -> str:
    lines = []
    for citation in citations:
        quote = f": {_inline_code(citation.quote)}" if citation.quote else ""
        place = f"{citation.path}:{citation.line}"
        link = permalink(citation.path, citation.line, base_commit, repository_url)
        lines.append(f"- {f'`{place}` {UNVERIFIED}' if place in unverified else link}{quote}")
    return "\n".join(lines)


def _touched(foreseen: Foreseen) -> str:
    """The files and items that the design touches, as a table; what each public change means for users."""
    if not foreseen.files:
        return ""
    rows = ["| File | Item | | Semver |", "|---|---|---|---|"]
    for file in foreseen.files:
        rows += _rows(file)
    extra = [f"New dependencies: {', '.join(foreseen.dependencies)}."] if foreseen.dependencies else []
    extra += [f"Features: {', '.join(foreseen.features)}."] if foreseen.features else []
    return "\n".join(rows) + "".join(f"\n\n{sentence}" for sentence in extra)


_CHANGE_WORDS = {ItemChange.ADD: "new", ItemChange.CHANGE: "changed", ItemChange.REMOVE: "removed"}


def _rows(file: ForeseenFile) -> list[str]:
    if not file.items:
        return [f"| `{file.path}` | {_cell(file.note)} | | |"]
    rows = []
    for number, item in enumerate(file.items):
        semver = "" if item.semver is Semver.NONE else item.semver.value
        place = f"`{file.path}`" if number == 0 else ""
        rows.append(f"| {place} | {_inline_code(_cell(item.name))} | {_CHANGE_WORDS[item.change]} | {semver} |")
    return rows + ([f"| | {_cell(file.note)} | | |"] if file.note.strip() else [])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _alternatives(alternatives: Sequence[Alternative], linked: Callable[[str], str]) -> str:
    return "\n".join(
        f"- {linked(each.design).strip()} *Not chosen:* {linked(each.why_not).strip()}" for each in alternatives
    )


def _questions(questions: Sequence[Question]) -> str:
    lines = []
    for number, question in enumerate(questions, 1):
        advice = f" *Recommended:* {question.recommendation.strip()}" if question.recommendation.strip() else ""
        lines.append(f"{number}. **For {question.to.strip()}:** {question.text.strip()}{advice}")
    return "\n".join(lines)


def criteria_in(body: str) -> tuple[Criterion, ...]:
    """The criteria as somebody may have edited them: list items that begin with `AC-<number>`, in their section."""
    section = re.search(rf"^#+ +{CRITERIA}\s*\n(.*?)(?=^#+ |^<details>|\Z)", body, flags=re.MULTILINE | re.DOTALL)
    found: list[tuple[str, list[str]]] = []
    for line in section[1].replace("\r\n", "\n").split("\n") if section else ():
        match = _CRITERION.match(line)
        if match:
            found.append((match["id"], [match["text"]]))
        elif found:
            found[-1][1].append(line.removeprefix("  "))
    return tuple(_criterion(id, "\n".join(lines)) for id, lines in dict(found).items())


def _criterion(id: str, text: str) -> Criterion:
    proof = _PROOF.search(text)
    if proof is None:
        return Criterion(id, text.strip())
    test = proof["test"].strip()
    bare = test.strip("`").strip()
    return Criterion(id, text[: proof.start()].strip(), bare if "`" not in bare else test)


def _inline_code(text: str) -> str:
    """Code on one line, fenced by more backticks than it holds."""
    line = " ".join(text.strip().splitlines())
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def permalink(path: str, line: int, commit: str, repository_url: str) -> str:
    """A link to a line of a file at a commit, as GitHub's own permalinks are formed."""
    return f"[`{path}:{line}`]({repository_url}/blob/{commit}/{path}#L{line})"


def _link_citations(
    text: str, cited: set[tuple[str, int]], unverified: frozenset[str], commit: str, repository_url: str
) -> str:
    """Turn each `path:line` that was checked into a permalink, and mark what could not be found, outside fenced code."""

    def link(match: re.Match[str]) -> str:
        place = (match["path"], int(match["line"]))
        if f"{place[0]}:{place[1]}" in unverified:
            return f"{match[0]} ({UNVERIFIED})"
        return permalink(*place, commit, repository_url) if place in cited else match[0]

    pieces = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(piece if piece.startswith("```") else _CITED.sub(link, piece) for piece in pieces)
