"""An examiner's findings about the proven change: weighed by the host, answered by the author, and the rest told to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.agent import transcript
from bot.agent.submit import Critique
from bot.domain import Assignment, Finding, Run, Severity, Stage, TestOutcome
from bot.rust.tests import tests_of
from bot.rust.verdicts import outcome_of
from workflows import hands
from workflows.engine import step
from workflows.steps import budgets, conversation, lifecycle, mutation
from workflows.steps.findings import FAILED, taken
from workflows.steps.records import Green, critique_of, lay_out, shown, sources

ROUNDS = 2
"""How often the author is sent back to work for what an examiner found."""
ASKED, DONE = "examined:asked", "examined"
"""The names of the documents with the number of rounds begun, and that it is over."""
DRAFT = f"draft:{Assignment.EXAMINATION}"
GRAVE = (Severity.BLOCKER, Severity.SERIOUS)


@step("may_examine")
def may_examine(run_id: str) -> bool:
    """Lay the proven change out for an examiner. False: that is over, or there is too little left of a budget to begin."""
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, DONE):
        return False
    if store.turns(run_id, Assignment.EXAMINATION):
        return True
    run = store.run(run_id)
    if budgets.is_near_end(run):
        store.put_document(run_id, DONE, True)
        return False
    green = store.document(run_id, "green", Green)
    assert green is not None, "what is examined was proven"
    bench = our_hands.workbenches.open(run)
    if bench.publishable(bench.tree()) != green.tree:
        lay_out(run, green.tree)
    return True


@step("ask_author")
def ask_author(run_id: str, number: int) -> bool:
    """Weigh what was found, and send the author back to work if there is something to answer. False: the examination is over.

    In the first round everything grave or confirmed is to be answered, later what was taken in and can still be shown.
    """
    store = hands.current().store
    if store.has_document(run_id, DONE):
        return False
    if (store.document(run_id, ASKED, int) or 0) >= number:
        return True
    run, before = store.run(run_id), store.document(run_id, mutation.EXAMINED, mutation.Proven)
    green = store.document(run_id, "green", Green) or (before.green if before is not None else None)
    assert green is not None, "what is examined was proven"
    found = _weighed(run, green, critique_of(run_id, Assignment.BUILD))
    store.put_document(run_id, DRAFT, Critique(found))
    mended = taken(run_id)
    due = [
        finding
        for finding in found
        if (finding.is_confirmed and (number == 1 or finding.id in mended))
        or (number == 1 and finding.severity in GRAVE)
    ]
    if not due or number > ROUNDS:
        mutation.renew(run_id, green)
        store.put_document(run_id, DONE, True)
        return False
    if store.has_document(run_id, "green"):
        store.put_document(run_id, mutation.EXAMINED, mutation.proven(run_id))
    store.put_document(run_id, shown(Assignment.BUILD), True)
    told = found if number == 1 else due
    conversation.reopen(run_id, Assignment.BUILD, transcript.findings_note(told, Assignment.BUILD))
    store.forget_document(run_id, "green")
    store.put_document(run_id, ASKED, number)
    return True


@step("keep_proof")
def keep_proof(run_id: str, why: str) -> None:
    """A round for the findings came to nothing: what was proven before it is published, and all findings are told."""
    store = hands.current().store
    if store.has_document(run_id, DONE):
        return
    before = store.document(run_id, mutation.EXAMINED, mutation.Proven)
    assert before is not None, "there was a round for the findings"
    mutation.stand_by(run_id, before)
    mutation.renew(run_id, before.green)
    store.put_document(run_id, FAILED, why)
    store.put_document(run_id, DONE, True)


def _weighed(run: Run, green: Green, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, confirmed where their test fails in a fresh container on the proven tree; without those whose test passes."""
    base = sources(run, green.tree)
    tests = {finding.test_path: finding.test for finding in findings if finding.test and finding.test_path not in base}
    if not tests:
        return tuple(findings)
    lifecycle.enter(run, Stage.EXAMINE)
    items = tests_of({**base, **tests}, within=frozenset(tests))
    bench = hands.current().workbenches.open(run)
    with bench.fresh(bench.complete(green.tree), "examined") as fresh:
        for path, text in tests.items():
            fresh.files.write(path, text.encode())
        results = fresh.checker.run_tests(items.values())
    outcomes = {path: {outcome_of(item, results) for item in items.values() if item.path == path} for path in tests}
    return tuple(
        replace(finding, is_confirmed=TestOutcome.FAILED in outcomes.get(finding.test_path, ()))
        for finding in findings
        if outcomes.get(finding.test_path) != {TestOutcome.OK}
    )
