"""A design as the model submits it, the Markdown that people read, and the digest that an approval is bound to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain import Citation, Criterion, FindingAnswer, Rfc, Task

_SPACES = re.compile(r"[ \t]+\n")
_CITED = re.compile(r"`?(?P<path>[\w./@+-]+):(?P<line>\d+)`?")
_PERMALINK = re.compile(r"\[(`[^`\n]+`)\]\([^()\s]+/blob/[0-9a-f]{40}/[^()\s]+\)")

CRITERIA, PLAN, CITATIONS = "Acceptance criteria", "Implementation plan", "Code this rests on"
"""The sections whose content the host holds in a better form than Markdown."""


@dataclass(frozen=True, slots=True)
class RfcDraft:
    """What the model submits for an RFC: Markdown texts, and the parts that the host itself works with.

    `answers` are those to the second reader's findings; they are told beside the document, not in it.
    """

    title: str
    summary: str
    motivation: str
    current_behaviour: str
    design: str
    alternatives: str
    criteria: tuple[Criterion, ...]
    non_goals: str
    risks: str
    questions: tuple[str, ...]
    citations: tuple[Citation, ...]
    tasks: tuple[Task, ...]
    answers: tuple[FindingAnswer, ...] = ()


def publish(draft: RfcDraft, *, version: int, base_commit: str, repository_url: str) -> Rfc:
    """Make the version that will stand in the issue, with permalinks into `repository_url` at `base_commit`."""
    body = render(draft, base_commit=base_commit, repository_url=repository_url)
    return Rfc(version, draft.title, body, draft.criteria, base_commit, digest(body))


def digest(body: str) -> str:
    """SHA-256 of the document's content: line ends, trailing blanks and outer blank lines do not count."""
    content = _SPACES.sub("\n", body.replace("\r\n", "\n")).strip()
    return hashlib.sha256(content.encode()).hexdigest()


def render(draft: RfcDraft, *, base_commit: str, repository_url: str) -> str:
    """Write the document as GitHub Markdown, without the header that the comment puts above it."""
    cited = {(citation.path, citation.line) for citation in draft.citations}

    def linked(text: str) -> str:
        return _link_citations(text, cited, base_commit, repository_url)

    parts = [draft.summary.strip()]
    parts += _section("Why", linked(draft.motivation))
    parts += _section("How it is now", linked(draft.current_behaviour))
    parts += _section("Design", linked(draft.design))
    parts += [f"### {CRITERIA}", criteria_list(draft.criteria)]
    parts += _section("Not part of this", linked(draft.non_goals))
    parts += _section("Risks and edge cases", linked(draft.risks))
    parts += _folded("Alternatives considered", linked(draft.alternatives))
    if draft.questions:
        parts += ["### Open questions", "\n".join(f"{n}. {q.strip()}" for n, q in enumerate(draft.questions, 1))]
    parts += _folded(PLAN, _task_list(draft.tasks))
    parts += _folded(CITATIONS, _citation_list(draft.citations, base_commit, repository_url))
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
    text = re.sub(rf"^### {CRITERIA}\n.*?(?=^### |^<details>|\Z)", "", body, flags=re.MULTILINE | re.DOTALL)
    for title in (PLAN, CITATIONS):
        text = re.sub(rf"<details>\s*<summary><b>{title}</b></summary>.*?</details>", "", text, flags=re.DOTALL)
    return re.sub(r"\n{3,}", "\n\n", _PERMALINK.sub(r"\1", text)).strip()


def _task_list(tasks: Iterable[Task]) -> str:
    lines = []
    for number, task in enumerate(tasks, 1):
        files = f" ({', '.join(f'`{file}`' for file in task.files)})" if task.files else ""
        criteria = f": {', '.join(task.criteria)}" if task.criteria else ""
        lines.append(f"{number}. {task.title}{files}{criteria}")
    return "\n".join(lines)


def _citation_list(citations: Iterable[Citation], base_commit: str, repository_url: str) -> str:
    lines = []
    for citation in citations:
        quote = f": {_inline_code(citation.quote)}" if citation.quote else ""
        lines.append(f"- {permalink(citation.path, citation.line, base_commit, repository_url)}{quote}")
    return "\n".join(lines)


def _inline_code(text: str) -> str:
    """Code on one line, fenced by more backticks than it holds."""
    line = " ".join(text.strip().splitlines())
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def permalink(path: str, line: int, commit: str, repository_url: str) -> str:
    """A link to a line of a file at a commit, as GitHub's own permalinks are formed."""
    return f"[`{path}:{line}`]({repository_url}/blob/{commit}/{path}#L{line})"


def _link_citations(text: str, cited: set[tuple[str, int]], commit: str, repository_url: str) -> str:
    """Turn each `path:line` that was checked into a permalink, outside fenced code."""

    def link(match: re.Match[str]) -> str:
        place = (match["path"], int(match["line"]))
        return permalink(*place, commit, repository_url) if place in cited else match[0]

    pieces = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(piece if piece.startswith("```") else _CITED.sub(link, piece) for piece in pieces)
