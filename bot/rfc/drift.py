"""Where a change leaves what its RFC foresaw: files, terms of its contract, and what was foreseen in vain; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain import Contract, Foreseen, ForeseenItem, Semver, Term, TermKind
from bot.rfc.citations import item_name
from bot.rust.split import is_test_path
from bot.rust.surface import Touched

# Files that follow from others, or that every good change may touch: nobody wants to read of them.
_QUIET = re.compile(
    r"(?:^|/)(?:Cargo\.lock|CHANGELOG(?:\.md)?|CHANGES(?:\.md)?|README(?:\.md)?|[\w.-]+\.snap)$", re.IGNORECASE
)


NOT_FORESEEN = "not in the RFC"

_LEVELS = tuple(Semver)


@dataclass(frozen=True, slots=True)
class Drift:
    """Names of files that were touched without being foreseen, and of whatever was foreseen and is untouched.

    `terms` says of each term of the contract, in its order, how it leaves the RFC, and is "" where it was foreseen.
    """

    unforeseen: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.unforeseen or self.untouched)


def drift(foreseen: Foreseen, touched: Touched, contract: Contract) -> Drift:
    """Compare; tests, lock files, changelogs and the like are no surprise, but a foreseen one that is missing is."""
    files = {file.path for file in foreseen.files}
    features = _features(foreseen)
    changed = {feature.split(" = ")[0] for feature in touched.features}
    untouched = [
        *(f"`{path}`" for path in sorted(files - set(touched.paths))),
        *(
            f"`{item_name(item.name)}` in `{file.path}`"
            for file in foreseen.files
            for item in file.items
            if file.path in touched.paths and not _is_in(item_name(item.name), touched.texts.get(file.path))
        ),
        *(f"dependency `{name}`" for name in foreseen.dependencies if name not in touched.dependencies),
        *(f"feature `{name}`" for name in sorted(features - changed)),
    ]
    return Drift(
        tuple(f"`{path}`" for path in touched.paths if path not in files and not _is_quiet(path)),
        tuple(untouched),
        tuple(_departure(term, foreseen, contract) for term in contract.terms),
    )


def _features(foreseen: Foreseen) -> set[str]:
    return {feature.split("=")[0].split()[0] for feature in foreseen.features if feature.split()}


def _departure(term: Term, foreseen: Foreseen, contract: Contract) -> str:
    """How a term leaves the RFC; "" where it was foreseen."""
    if term.kind is TermKind.API:
        named = [
            item for file in foreseen.files for item in file.items if item_name(item.name) in (term.name, *term.names)
        ]
        return _other_level(term, named, contract) if named else NOT_FORESEEN
    if term.kind is TermKind.DEPENDENCY:
        return "" if term.name in foreseen.dependencies else NOT_FORESEEN
    if term.kind is TermKind.FEATURE:
        # An optional dependency is a feature by itself.
        return "" if term.name in _features(foreseen) | set(foreseen.dependencies) else NOT_FORESEEN
    words = {
        TermKind.UNSAFE: ("unsafe",),
        TermKind.PANIC: ("panic", "unwrap", "expect"),
        TermKind.STUB: (),
        TermKind.TOOLCHAIN: (term.name, *term.names),
        TermKind.LINT: tuple(re.findall(r"[a-z_:]{5,}", term.shown)),
    }[term.kind]
    return "" if any(_says(foreseen, word) for word in words) else NOT_FORESEEN


def _other_level(term: Term, items: list[ForeseenItem], contract: Contract) -> str:
    """What the RFC said the item asks for, where that is less than it does."""
    said = max((item.semver for item in items), key=_LEVELS.index)
    is_early = all(release.version.startswith("0.") for release in contract.releases)
    # In 0.x people call minor what cargo's rules call major; and many a design says no level at all.
    is_close = said is Semver.MINOR and is_early or said is Semver.NONE and term.level is Semver.MINOR
    if not term.is_certain or is_close or _LEVELS.index(said) >= _LEVELS.index(term.level):
        return ""
    return f"the RFC says {said}"


def _says(foreseen: Foreseen, word: str) -> bool:
    texts = [text for file in foreseen.files for text in (file.note, *(item.name for item in file.items))]
    return any(re.search(rf"(?<![\w-]){re.escape(word)}", text, re.IGNORECASE) for text in texts)


def _is_quiet(path: str) -> bool:
    return is_test_path(path) or _QUIET.search(path) is not None


def _is_in(name: str, text: str | None) -> bool:
    """Whether the item's name stands in what changed; of files that are no Rust nothing can be said."""
    return text is None or not name or re.search(rf"\b{re.escape(name)}\b", text) is not None
