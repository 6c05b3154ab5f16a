"""Where a change leaves what its RFC foresaw, in either direction; no model is asked; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain import Foreseen
from bot.rfc.citations import item_name
from bot.rust.split import is_test_path
from bot.rust.surface import Touched

# Files that follow from others, or that every good change may touch: nobody wants to read of them.
_QUIET = re.compile(
    r"(?:^|/)(?:Cargo\.lock|CHANGELOG(?:\.md)?|CHANGES(?:\.md)?|README(?:\.md)?|[\w.-]+\.snap)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Drift:
    """Names of files, items, dependencies and features: touched without being foreseen, and foreseen but untouched."""

    unforeseen: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.unforeseen or self.untouched)


def drift(foreseen: Foreseen, touched: Touched) -> Drift:
    """Compare; tests, lock files, changelogs and the like are no surprise, but a foreseen one that is missing is."""
    files = {file.path for file in foreseen.files}
    names = {item_name(item.name) for file in foreseen.files for item in file.items}
    features = {feature.split("=")[0].split()[0] for feature in foreseen.features if feature.split()}
    changed = {feature.split(" = ")[0] for feature in touched.features}
    unforeseen = [
        *(f"`{path}`" for path in touched.paths if path not in files and not _is_quiet(path)),
        *(
            f"public `{name}` in `{path}`"
            for path, name in touched.public_items
            if name.rpartition("::")[2] not in names
        ),
        *(f"dependency `{name}`" for name in touched.dependencies if name not in foreseen.dependencies),
        *(f"feature `{name}`" for name in sorted(changed - features)),
    ]
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
    return Drift(tuple(unforeseen), tuple(untouched))


def _is_quiet(path: str) -> bool:
    return is_test_path(path) or _QUIET.search(path) is not None


def _is_in(name: str, text: str | None) -> bool:
    """Whether the item's name stands in what changed; of files that are no Rust nothing can be said."""
    return text is None or not name or re.search(rf"\b{re.escape(name)}\b", text) is not None
