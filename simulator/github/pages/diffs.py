"""Differences as shown: files, their lines, and the conversations anchored to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markupsafe import Markup

from simulator.github.pages.markdown import code
from simulator.github.pages.timeline import ThreadView
from simulator.github.patches import FileDiff, patch_lines


@dataclass(frozen=True)
class ShownLine:
    """One line: `kind` as in a patch, `html` highlighted."""

    kind: str
    old: int | None
    new: int | None
    html: Markup
    threads: tuple[ThreadView, ...] = ()


@dataclass(frozen=True)
class ShownFile:
    """One file with its lines; `elsewhere` are conversations whose line the difference no longer shows."""

    file: FileDiff
    lines: tuple[ShownLine, ...]
    elsewhere: tuple[ThreadView, ...] = field(default=())
    identity: str = ""


def shown_files(files: tuple[FileDiff, ...], threads: tuple[ThreadView, ...] = ()) -> list[ShownFile]:
    """Every file of a difference with its conversations."""
    return [_shown(file, [view for view in threads if view.thread.path == file.path]) for file in files]


def _shown(file: FileDiff, threads: list[ThreadView]) -> ShownFile:
    lines = patch_lines(file.patch)
    highlighted = _highlighted([line.text for line in lines], file.path)
    left = list(threads)
    shown = []
    for line, html in zip(lines, highlighted, strict=True):
        here = [view for view in left if _is_here(view, line.kind, line.old, line.new)]
        left = [view for view in left if view not in here]
        text = Markup("{}").format(line.text) if line.kind == "@" else Markup(html)
        shown.append(ShownLine(line.kind, line.old, line.new, text, tuple(here)))
    identity = re.sub(r"[^A-Za-z0-9]+", "-", file.path)
    return ShownFile(file, tuple(shown), tuple(left), identity)


def _is_here(view: ThreadView, kind: str, old: int | None, new: int | None) -> bool:
    if view.is_outdated or view.line is None or kind == "@":
        return False
    return (old if view.thread.side == "LEFT" else new) == view.line and kind != (
        "+" if view.thread.side == "LEFT" else "-"
    )


def _highlighted(texts: list[str], path: str) -> list[str]:
    """Each line by itself: a difference is no whole file, and a string cut open must not colour what follows."""
    return [code(text, filename=path).rstrip("\n") for text in texts]
