"""A worker that cannot tell that it is alive ends itself before others go on with its work; one that can goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

from bot.store import Store, open_engine
from simulator.bot_process import ROOT
from workflows.heartbeat import SILENT, Heartbeat
from workflows.takeover import LOST, STALE

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"


class Life:
    """A heartbeat of milliseconds, and what came of it."""

    def __init__(self, *, silent: float | None = 0.3) -> None:
        self.beats, self.is_over = 0, threading.Event()
        self.hangs = self.is_cut_off = False
        self.store = Store(open_engine(NOWHERE))
        self.heartbeat = Heartbeat(self.beat, self.is_over.set, silent=silent, pause=0.02)
        self.heartbeat.start()

    def beat(self) -> None:
        if self.is_cut_off:
            self.store.beat("a", {})
        while self.hangs and not self.is_over.is_set():
            time.sleep(0.01)
        self.beats += 1

    def wait_for_beats(self, number: int) -> None:
        until = time.monotonic() + 30
        wanted = self.beats + number
        while self.beats < wanted:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_worker_that_tells_that_it_is_alive_lives() -> None:
    life = Life(silent=5.0)
    life.wait_for_beats(20)
    assert not life.is_over.is_set()
    life.heartbeat.stop()


def test_one_whose_database_is_away_ends_itself() -> None:
    life = Life()
    life.wait_for_beats(1)
    life.is_cut_off = True
    assert life.is_over.wait(30)
    beats = life.beats
    life.is_cut_off = False
    time.sleep(0.2)
    assert life.beats - beats <= 1, "it beats no more, lest others think that it lives"


def test_one_whose_beat_hangs_ends_itself_as_well() -> None:
    life = Life()
    life.wait_for_beats(1)
    life.hangs = True
    assert life.is_over.wait(30)


def test_one_whose_machine_slept_ends_itself_when_it_wakes() -> None:
    program = (
        "import os, time; from workflows.heartbeat import Heartbeat\n"
        "Heartbeat(lambda: print('alive', flush=True), lambda: os._exit(7), silent=3.0, pause=0.05).start()\n"
        "time.sleep(120)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == b"alive\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 7


def test_one_that_is_alone_waits_for_its_database_for_as_long_as_it_takes() -> None:
    life = Life(silent=None)
    life.is_cut_off = True
    time.sleep(0.5)
    life.is_cut_off = False
    life.wait_for_beats(2)
    assert not life.is_over.is_set()
    life.heartbeat.stop()


def test_it_has_ended_itself_for_minutes_before_others_count_it_as_lost() -> None:
    assert STALE < SILENT and SILENT + 300.0 <= LOST
