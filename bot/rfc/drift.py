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
_WITHOUT = re.compile(r"\b(?:no|not|none|nothing|never|without|neither|nor|avoids?)\b|n't\b", re.IGNORECASE)


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


def drift(foreseen: Foreseen, touched: Touched, contract: Contract, text: str = "") -> Drift:
    """Compare; tests, lock files, changelogs and the like are no surprise, but a foreseen one that is missing is.

    `text` is the RFC as it reads: what has no list of its own, like `unsafe` and the minimum Rust, is looked for there.
    """
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
        tuple(_departure(term, foreseen, contract, text) for term in contract.terms),
    )


def _features(foreseen: Foreseen) -> set[str]:
    return {feature.split("=")[0].split()[0] for feature in foreseen.features if feature.split()}


def _departure(term: Term, foreseen: Foreseen, contract: Contract, text: str) -> str:
    """How a term leaves the RFC; "" where it was foreseen."""
    if term.kind is TermKind.API:
        named = [
            item for file in foreseen.files for item in file.items if item_name(item.name) in (term.name, *term.names)
        ]
        return _other_level(term, named, contract) if named else NOT_FORESEEN
    return "" if _is_foreseen(term, foreseen, text) else NOT_FORESEEN


def _is_foreseen(term: Term, foreseen: Foreseen, text: str) -> bool:
    """Whether the RFC speaks of a term that is no public item."""
    crates = {_crate(name) for name in foreseen.dependencies}
    notes = "\n".join(said for file in foreseen.files for said in (file.note, *(item.name for item in file.items)))
    everything = f"{notes}\n{text}"
    match term.kind:
        case TermKind.DEPENDENCY:
            return _crate(term.name) in crates
        case TermKind.FEATURE:
            # An optional dependency is a feature by itself.
            return term.name in _features(foreseen) or _crate(term.name) in crates
        case TermKind.TOOLCHAIN:
            return _says(everything, *_version(term))
        case TermKind.UNSAFE:
            return _says(everything, "unsafe")
        case TermKind.PANIC:
            # An RFC's text may well speak of the panic that it mends.
            return _says(notes, r"panic|unwrap|expect\(")
        case TermKind.LINT:
            lints = set(re.findall(r"[\w:]+", term.shown)) - {"allow", "expect", "warn", "deny", "forbid"}
            return any(_says(everything, rf"{lint}\b") for lint in lints)
        case _:
            return False


def _crate(name: str) -> str:
    return name.replace("_", "-")


def _version(term: Term) -> tuple[str, ...]:
    """What a sentence must hold that speaks of this compiler or edition: the RFC may also name the one that stays."""
    field, _, value = term.shown.partition(" ")
    number = re.escape(value.removesuffix(".0") if value.count(".") > 1 else value)
    return (rf"{number}(?!\d)",) if field == "rust-version" else ("edition", number)


def _other_level(term: Term, items: list[ForeseenItem], contract: Contract) -> str:
    """What the RFC said the item asks for, where that is less than it does."""
    said = max((item.semver for item in items), key=_LEVELS.index)
    is_early = all(release.version.startswith("0.") for release in contract.releases)
    # In 0.x people call minor what cargo's rules call major; and many a design says no level at all.
    is_close = said is Semver.MINOR and is_early or said is Semver.NONE and term.level is Semver.MINOR
    if not term.is_certain or is_close or _LEVELS.index(said) >= _LEVELS.index(term.level):
        return ""
    return f"the RFC says {said}"


def _says(text: str, *patterns: str) -> bool:
    """Whether a sentence speaks of all of these, and not only of doing without."""
    return any(
        all(re.search(rf"(?<![\w.-])(?:{pattern})", sentence, re.IGNORECASE) for pattern in patterns)
        and not _WITHOUT.search(sentence)
        for sentence in re.split(r"(?<=[.!?;])\s|\n", text)
    )


def _is_quiet(path: str) -> bool:
    return is_test_path(path) or _QUIET.search(path) is not None


def _is_in(name: str, text: str | None) -> bool:
    """Whether the item's name stands in what changed; of files that are no Rust nothing can be said."""
    return text is None or not name or re.search(rf"\b{re.escape(name)}\b", text) is not None
