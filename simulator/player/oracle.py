"""The brain that plays a case: each request's answer follows from the request alone.

It plays the assignment's procedure from its beginning and feeds it the results that the request holds; the first turn that has
no result yet is the answer. So a request that is repeated, also after a crash of the one who asks, gets the same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from simulator.case import Case, Trees
from simulator.messages.brain import Block, BrainError, Request, say
from simulator.player import transcript, words
from simulator.player.faults import USUAL, FaultKind
from simulator.player.head import head
from simulator.player.stages import Player

THINKING: Block = {"type": "thinking", "thinking": ""}


class OracleBrain:
    """Plays one case. `notes` says what did not go as it should, in the order of its first occurrence.

    `shown_mutants` are the mistakes in the change of which it was told that its tests do not notice them.
    """

    def __init__(self, case: Case, trees: Trees, faults: tuple[FaultKind, ...] = USUAL) -> None:
        self.work = words.work_on(case, trees, head(case, trees))
        self._faults = faults
        self._notes: dict[str, None] = {}
        self._shown_mutants: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def notes(self) -> list[str]:
        with self._lock:
            return list(self._notes)

    @property
    def shown_mutants(self) -> list[str]:
        with self._lock:
            return list(self._shown_mutants)

    def answer(self, request: Request) -> Sequence[Block]:
        offer = transcript.Offer(request)
        if offer.submit is None:
            return [say("There is nothing that I could hand in here.")]
        player = Player(self.work, offer, transcript.brief(request), self._faults)
        blocks = self._replay(player, transcript.past(request))
        with self._lock:
            self._notes.update(dict.fromkeys(player.notes))
            self._shown_mutants.update(dict.fromkeys(player.shown_mutants))
        return [THINKING, *blocks]

    def _replay(self, player: Player, past: Sequence[transcript.Past]) -> list[Block]:
        procedure = player.play()
        try:
            blocks = next(procedure)
            for turn in past:
                _compare(blocks, turn)
                player.heard = turn.said
                blocks = procedure.send(turn.results)
        except StopIteration:
            return [say("That is all from me.")]
        return blocks


def _compare(expected: Sequence[Block], turn: transcript.Past) -> None:
    """Raises BrainError if the request's history is not what this player would have done."""
    wanted = [(block["name"], block["input"]) for block in expected if block["type"] == "tool_use"]
    found = [(block["name"], block["input"]) for block in turn.calls]
    if wanted != found:
        raise BrainError(f"the history is not mine: expected {str(wanted)[:300]}, found {str(found)[:300]}")
