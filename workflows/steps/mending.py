"""The run that mends CI: what it learns from the log, what it demands of the checks, and what it says in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import comments, repository
from bot.agent.submit import MendDraft
from bot.checking import Baseline
from bot.commit_message import harmless
from bot.domain import Assignment, Check, CheckResult, CiFailure, Missed, Run, RunKind, Success, TestOutcome
from bot.errors import UserError
from bot.rust import discovery
from bot.rust.ci_log import LoggedStep, checks_of, key_of
from bot.rust.compact import compact, failures
from bot.workbench import Setup
from workflows import hands
from workflows.engine import step
from workflows.steps.failures import FAILURES, RED_HEAD
from workflows.steps.records import JOINED

REPRODUCED = "ci_reproduced"
"""The name of the document that tells what the sandbox says of the commands that failed on CI."""


@step("learn_from_ci")
def learn(run_id: str) -> None:
    """Find out why the bot's own checks missed what failed, and keep commands that they do not hold for later runs."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    repository_id = run.target.repo.id
    if store.has_document(run_id, JOINED):
        # The road is walked once more, on top of what somebody pushed since.
        return
    if run.head_commit != store.document(run_id, RED_HEAD, str):
        raise UserError("Somebody pushed before I began, so I leave the red CI of the commit before alone.", "")
    wanted = [path for path in our_hands.git.paths(repository_id, run.base_commit) if discovery.wanted(path)]
    files = our_hands.git.texts(repository_id, run.base_commit, wanted)
    known = _known(run, discovery.discover(files))
    told = []
    for failure in failures_of(run):
        logged = LoggedStep(failure.step, failure.script, failure.env)
        checks = checks_of(logged, files, runner=failure.runner, place=failure.place)
        told.append(judged(failure, checks, known))
        names = {key_of(check) for check in known}
        fresh = [check for check in checks if check.left_out_because is None and key_of(check) not in names]
        store.learn_checks(repository_id, fresh)
    store.put_document(run_id, FAILURES, tuple(told))


def judged(failure: CiFailure, checks: Sequence[Check], known: Sequence[Check]) -> CiFailure:
    """The failure with its commands, and why none of the `known` checks showed it."""
    commands = tuple(dict.fromkeys(check.command for check in checks))
    failure = replace(failure, commands=commands, missed=Missed.NO_COMMAND)
    if not checks:
        return failure
    by_key: dict[tuple[object, ...], Check] = {}
    for check in known:
        # The same command may be run here in one job and be left to CI in another one.
        if check.left_out_because is None or key_of(check) not in by_key:
            by_key[key_of(check)] = check
    for check in checks:
        reason = check.left_out_because or (other.left_out_because if (other := by_key.get(key_of(check))) else None)
        if reason is not None:
            return replace(failure, missed=Missed.LEFT_OUT, because=reason)
    if any(key_of(check) not in by_key for check in checks):
        return replace(failure, missed=Missed.UNKNOWN)
    return replace(failure, missed=Missed.PASSED)


def demanding(run: Run, baseline: Baseline) -> Baseline:
    """The head as it is measured here, but that it fails in the commands that failed on CI is no excuse for failing in them.

    A command that cannot be run here at all, with no finding that a change could mend, is not demanded.
    """
    commands = {command for failure in failures_of(run) for command in failure.commands}
    concerned = [result for result in baseline.results if result.check.command in commands]
    red = [result for result in concerned if not result.is_success and is_mendable(result)]
    said = compact(concerned) if concerned else ""
    hands.current().store.put_document(run.id, REPRODUCED, said)
    results = tuple(_as_if_green(result) if result in red else result for result in baseline.results)
    return replace(baseline, results=results)


def is_mendable(result: CheckResult) -> bool:
    """Whether the result names something in the code."""
    return bool(failures(result)) or any(item.path for item in result.diagnostics)


def _as_if_green(result: CheckResult) -> CheckResult:
    passed = tuple(test for test in result.tests if test.outcome is not TestOutcome.FAILED)
    return replace(result, exit=Success(), diagnostics=(), tests=passed)


def commit_message(run: Run) -> str:
    """Headline and body of the one commit of a round."""
    draft = draft_of(run)
    return harmless(f"Mend CI: {draft.headline}\n\n{draft.cause}\n\n{draft.summary}")


def note(run: Run, pushed: str) -> str:
    """What is said of the round in the end."""
    draft = draft_of(run)
    return comments.mended_note(failures_of(run), draft.cause, draft.summary, pushed)


def failures_of(run: Run) -> tuple[CiFailure, ...]:
    """What failed on CI, as the round was told."""
    return hands.current().store.document(run.id, FAILURES, tuple[CiFailure, ...]) or ()


def draft_of(run: Run) -> MendDraft:
    draft = hands.current().store.document(run.id, f"draft:{Assignment.CI}", MendDraft)
    assert draft is not None, "the conversation ended with an accepted draft"
    return draft


def _known(run: Run, discovered: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that the implementation was proven with, and with a reason those of CI that the repository took out."""
    store = hands.current().store
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    setup = store.document(built.id, "setup", Setup) if built is not None else None
    if setup is None:
        return tuple(discovered)
    proven = {key_of(check) for check in setup.checks}
    removed = (check for check in discovered if key_of(check) not in proven)
    reason = f"is taken out by `{repository.PATH}`"
    return (*setup.checks, *(replace(check, left_out_because=reason) for check in removed))
