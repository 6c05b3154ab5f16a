"""The player's hands: turns made of tool calls, and a picture of the workspace that is kept true while they are answered.

Every procedure here is a generator that yields the blocks of a turn and is sent the results, so that a whole stage can be
played again from the recorded results.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Generator, Iterable, Mapping, Sequence

from simulator.messages.brain import Block, call, say
from simulator.player.conform import conform
from simulator.player.edits import replacements
from simulator.player.transcript import Offer, Result
from simulator.trees import EXECUTABLE, FILE, SYMLINK, File, Tree

Play = Generator[list[Block], Sequence[Result], None]
Asking = Generator[list[Block], Sequence[Result], str]

BATCH = 4
CHUNK = 60_000
SUM = re.compile(r"\b([0-9a-f]{64})\s+\*?(\S[^\n]*)")


class Desk:
    """The workspace as the player knows it: `files` is what it believes to be there."""

    def __init__(self, offer: Offer, files: Tree) -> None:
        self.offer = offer
        self.files: dict[str, File] = dict(files)
        self.touched: set[str] = set()

    # --- single calls ------------------------------------------------------------------------------------------------

    def bash(self, command: str) -> Block:
        return call(self.offer.bash or "bash", command=command)

    def view(self, path: str, first: int = 1, last: int = 60) -> Block:
        if self.offer.editor is None:
            return self.bash(f"sed -n {first},{last}p {shlex.quote(path)}")
        return call(self.offer.editor, command="view", path=path, view_range=[first, last])

    def tool(self, name: str, value: Mapping[str, object]) -> Block:
        """A call of one of the product's own tools, made to fit its schema."""
        return {"type": "tool_use", "name": name, "input": conform(dict(value), self.offer.schema(name))}

    # --- procedures --------------------------------------------------------------------------------------------------

    def ask(self, words: str, command: str) -> Asking:
        """Runs a command and returns what it printed."""
        results = yield [say(words), self.bash(command)]
        return results[0].text

    def look_around(self, paths: Iterable[str], known: Sequence[Tree]) -> Play:
        """Finds out in which of the known versions each file is, and takes that into the picture."""
        wanted = sorted(set(paths))
        text = yield from self.ask("First I look at how the files stand.", _sums(wanted))
        found = _found(text)
        for path in wanted:
            for version in [self.files, *known]:
                file = version.get(path)
                if (found.get(path) is None) == (file is None) and (file is None or _sum(file) == found.get(path)):
                    _put(self.files, path, file)
                    break
            else:
                _put(self.files, path, File(b"\0 not known") if path in found else None)

    def bring(self, target: Mapping[str, File | None], words: str) -> Play:
        """Edits until each path of `target` is as it says (None: not there), in turns of a few calls each."""
        todo = [path for path in sorted(target) if self.files.get(path) != target[path]]
        self.touched.update(todo)
        calls: list[tuple[str, Block]] = []
        for path in todo:
            calls += [(path, block) for block in self._edits(path, target[path])]
        doubtful: set[str] = set()
        while calls:
            batch, calls = calls[:BATCH], calls[BATCH:]
            results = yield [say(words), *(block for _, block in batch)]
            failed = {path for (path, _), result in zip(batch, results, strict=True) if _went_wrong(result)}
            doubtful |= failed
            calls = [(path, block) for path, block in calls if path not in failed]
            words = "And further."
        for path in todo:
            _put(self.files, path, target[path])
        for path in sorted(doubtful):
            file = target[path]
            commands = _write_commands(path, file)
            yield [say(f"An edit of {path} did not go through, so I write it anew."), *map(self.bash, commands)]

    def last_look(self, paths: Iterable[str]) -> Play:
        """Compares what is there with the picture, of the given paths and of all that was touched, and mends what differs."""
        wanted = sorted({*paths, *self.touched})
        found = _found((yield from self.ask("Before I hand in, a last look at the files.", _sums(wanted))))
        for path in wanted:
            file = self.files.get(path)
            expected = None if file is None or file.mode == SYMLINK else _sum(file)
            if found.get(path) != expected and not (file is not None and file.mode == SYMLINK):
                yield [say(f"{path} is not as I left it."), *map(self.bash, _write_commands(path, file))]

    def _edits(self, path: str, wanted: File | None) -> list[Block]:
        now = self.files.get(path)
        text = wanted.text if wanted is not None else None
        if wanted is None or text is None or self.offer.editor is None or "\r" in text or not text:
            return [self.bash(command) for command in _write_commands(path, wanted)]
        more = [] if wanted.mode == (now.mode if now else FILE) else [self.bash(_chmod(path, wanted.mode))]
        old = now.text if now is not None and now.mode != SYMLINK else None
        steps = None if old is None or "\r" in old else replacements(old, text)
        if steps is None:
            return [call(self.offer.editor, command="create", path=path, file_text=text), *more]
        editor = self.offer.editor
        return [
            *(call(editor, command="str_replace", path=path, old_str=step.old, new_str=step.new) for step in steps),
            *more,
        ]


def _went_wrong(result: Result) -> bool:
    return result.is_error or result.text.lower().startswith(("error", "not carried out", "not done", "skipped"))


def _put(files: dict[str, File], path: str, file: File | None) -> None:
    if file is None:
        files.pop(path, None)
    else:
        files[path] = file


def _sum(file: File) -> str:
    return hashlib.sha256(file.data).hexdigest()


def _sums(paths: Sequence[str]) -> str:
    return "sha256sum -- " + " ".join(map(shlex.quote, paths)) + " 2>/dev/null; true"


def _found(text: str) -> dict[str, str]:
    return {path.strip(): digest for digest, path in SUM.findall(text)}


def _chmod(path: str, mode: str) -> str:
    return f"chmod {'755' if mode == EXECUTABLE else '644'} {shlex.quote(path)}"


def _write_commands(path: str, file: File | None) -> list[str]:
    """Shell commands that make the path exactly this, whatever is there now."""
    quoted = shlex.quote(path)
    if file is None:
        return [f"rm -f -- {quoted}"]
    folder = path.rpartition("/")[0]
    start = f"mkdir -p {shlex.quote(folder)} && " if folder else ""
    if file.mode == SYMLINK:
        return [f"{start}ln -sfn {shlex.quote(file.data.decode())} {quoted}"]
    text = base64.b64encode(file.data).decode()
    parts = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] or [""]
    commands = [f"{start}printf %s {parts[0]} | base64 -d > {quoted}"]
    commands += [f"printf %s {part} | base64 -d >> {quoted}" for part in parts[1:]]
    return [*commands[:-1], f"{commands[-1]} && {_chmod(path, file.mode)}"]
