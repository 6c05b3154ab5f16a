"""What a run's target directories begin with: the best seed there is, and files dated so that cargo builds what differs."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from bot.git import Git
from bot.rust.freshness import outdated
from bot.sandbox.seed import Seed, Seeds
from bot.sandbox.volume import RunVolume

log = logging.getLogger("rfcsmith")


@dataclass(slots=True)
class Seedbed:
    """The seeds of one run. `key` names its way to build; where it is "", every target directory begins empty."""

    git: Git
    seeds: Seeds
    repository_id: int
    key: str
    _held: list[Seed] = field(default_factory=list)

    @property
    def seed(self) -> Seed | None:
        """The seed that is sown now."""
        return self._held[-1] if self._held else None

    def choose(self, tree: str) -> None:
        """Sow from now on what was built from the tree, or what was built last."""
        found = self.seeds.find(self.repository_id, self.key, tree) if self.key else None
        if found is not None:
            self._held.append(found)

    def fits(self, tree: str) -> bool:
        """Whether what is sown was built from exactly this tree."""
        return self.seed is not None and self.seed.note.tree == tree

    def lay_out(self, tree: str, workspace: Path) -> None:
        """Fill the empty workspace with the tree: old files, and new ones where they differ from what was built.

        Without that, cargo would take a changed file for built, and report success on code that does not compile.
        """
        if self.seed is None:
            self.git.export(self.repository_id, tree, workspace)
            return
        note = self.seed.note
        newer = outdated(note.files, self.git.identities(self.repository_id, tree))
        # The clock may have been set back since the seed was made.
        self.git.export(
            self.repository_id, tree, workspace, newer=newer, newer_time=max(time.time(), note.made_at + 1.0)
        )

    def sow(self, volume: RunVolume, variant: str) -> None:
        """Let the target directory of that variant begin with the seed, if it is empty."""
        if self.seed is not None:
            volume.sow(variant, self.seed.target)

    def keep(self, tree: str, built: Path) -> bool:
        """Make a seed of what was built from the tree, and sow it from now on; False where none could be made.

        The caller promises that no agent and no pull request had a part in it.
        """
        if not self.key:
            return False
        files = self.git.identities(self.repository_id, tree)
        self.seeds.publish(self.repository_id, self.key, tree, files=files, built=built, grown_from=self.seed)
        self.choose(tree)
        return self.fits(tree)

    def release(self) -> None:
        """Let all seeds go; nothing of the run may use them any more."""
        for seed in self._held:
            seed.release()
        self._held.clear()
