"""How a case is played: the choices of the command line, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.measure import IMAGE
from simulator.player.faults import USUAL, FaultKind

MODEL = "claude-opus-5-5"
PATIENCE = 900.0
SIMULATED_KEY = "sk-ant-simulated-0123456789abcdefghijklmnop"


@dataclass(frozen=True, slots=True)
class Options:
    """Choices for a play. `model_url` is a Messages API to be used instead of the player; `api_key` goes with it.

    `patience` is in seconds for each case; `pace` the seconds between two events of the player's answers; `write_pause` the
    product's own pause between writes to GitHub, `status_interval` that between edits of a status comment, None for its
    default; `kill_at` the number of the build's turn at which the product is killed and started again; `duplicates` how many more times each webhook is delivered; with `stumbles` the
    simulated Messages API is overloaded, breaks off and pauses on the way; with `rfc_only` the story ends when the RFC stands.
    `mutants_seconds` is how long the product tests the tests with mutants; with `interrupts` people speak to the build, stop it, and
    let it go on.
    """

    faults: tuple[FaultKind, ...] = USUAL
    model_url: str | None = None
    api_key: str = SIMULATED_KEY
    model: str = MODEL
    patience: float = PATIENCE
    pace: float = 0.0
    write_pause: float | None = None
    status_interval: float | None = None
    kill_at: int | None = None
    duplicates: int = 0
    stumbles: bool = False
    keep: bool = False
    measures: bool = True
    rfc_only: bool = False
    mutants_seconds: float = 0.0
    interrupts: bool = False
    image: str = IMAGE
    cache: Path | None = None
    ca_bundle: Path | None = None
    github_port: int = 0
