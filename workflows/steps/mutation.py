"""Mutants of the proven change: what its tests do not notice goes back to the agent once, and the rest is told to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import comments
from bot.agent import transcript
from bot.agent.submit import ChangeDraft
from bot.checking import TESTED
from bot.domain import Assignment, Evidence, Mutant, Mutation, Run, Stage
from bot.hunks import hunks
from bot.mutation import Mutator
from bot.rust import mutants
from bot.rust.split import split
from bot.rust.tests import test_only_files
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, lifecycle
from workflows.steps.records import Green, Submitted, Ticked, sources, tried_before

FIRST, LAST, TRIED_IN = "mutation:first", "mutation", "mutation:tree"
"""The names of the documents with what was found of the change as it was proven first, and as it is published, and in which tree."""
PROVEN, ASKED = "proven:first", "mutation:asked"
"""The names of the documents with what stands if the round for better tests comes to nothing; that the round has begun."""
EXAMINED = "proven:examined"
"""The name of the document with what stands if a round for an examiner's findings comes to nothing."""
DRAFT = f"draft:{Assignment.BUILD}"


@dataclass(frozen=True, slots=True)
class Proven:
    """A change as it was proven, and what its author said of it and ticked until then."""

    green: Green
    change: ChangeDraft
    ticked: tuple[Ticked, ...]


@step("is_proven")
def is_proven(run_id: str) -> bool:
    """Whether the change was proven once, and a later round has begun since: whatever comes, that proof stands."""
    store = hands.current().store
    return store.has_document(run_id, PROVEN) or store.has_document(run_id, EXAMINED)


@step("test_tests")
def test_tests(run_id: str) -> bool:
    """Plant mistakes into the proven change. True: some survived, and the agent was asked for better tests."""
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, LAST):
        return False
    first = store.document(run_id, FIRST, Mutation)
    if first is None:
        run = lifecycle.enter(store.run(run_id), Stage.MUTATE)
        green = store.document(run_id, "green", Green)
        assert green is not None, "the proof comes first"
        first = _mutated(run, _whole(run, green.tree), green)
        store.put_document(run_id, FIRST, first)
    if not first.survivors:
        green = store.document(run_id, "green", Green)
        assert green is not None, "the proof comes first"
        _conclude(run_id, first, green.tree)
        return False
    if not store.has_document(run_id, ASKED):
        if not store.has_document(run_id, PROVEN):
            store.put_document(run_id, PROVEN, proven(run_id))
        conversation.reopen(run_id, Assignment.BUILD, transcript.survivors_note(first.survivors))
        store.forget_document(run_id, "green")
        store.put_document(run_id, ASKED, True)
    return True


@step("test_better_tests")
def test_better_tests(run_id: str) -> None:
    """Plant the mistakes into the change with the better tests; what survives now is told, with what the agent says to it."""
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, LAST):
        return
    run = lifecycle.enter(store.run(run_id), Stage.MUTATE)
    green, first = store.document(run_id, "green", Green), store.document(run_id, FIRST, Mutation)
    assert green is not None and first is not None, "the first proof and its mutants come first"
    before = store.document(run_id, PROVEN, Proven)
    is_other = before is None or before.green.tree != green.tree
    found = _tried_again(run, green, first, first.mutants) if is_other else first
    _conclude(run_id, _explained(run, first, found), green.tree)


@step("keep_first_proof")
def keep_first_proof(run_id: str, why: str) -> None:
    """The round for better tests came to nothing: what was proven before it is published, with the survivors as they are."""
    store = hands.current().store
    before, first = store.document(run_id, PROVEN, Proven), store.document(run_id, FIRST, Mutation)
    assert before is not None and first is not None, "there was a round for better tests"
    if store.has_document(run_id, LAST):
        return
    found = replace(_explained(store.run(run_id), first, first), remark=why)
    stand_by(run_id, before)
    _conclude(run_id, found, before.green.tree)


def renew(run_id: str, green: Green) -> None:
    """Plant the mistakes anew where the change is another one than that in which they were, in the time that is left.

    What was caught in files that are as they were is not tried again. Called inside other steps; nobody is asked about survivors.
    """
    our_hands = hands.current()
    store, git = our_hands.store, our_hands.git
    found, tree = store.document(run_id, LAST, Mutation), store.document(run_id, TRIED_IN, str)
    if found is None or not found.mutants or tree in (None, green.tree) or comments.BEFORE_FINDINGS in found.remark:
        return
    run, again = store.run(run_id), None
    first = store.document(run_id, FIRST, Mutation) or found
    our_hands.workbenches.open(run)
    if found.survivors or _changes_source(run, tree, green.tree):
        run = lifecycle.enter(run, Stage.MUTATE)
        changed = {change.path for change in git.changes(run.target.repo.id, tree, green.tree)}
        known = [mutant for mutant in found.mutants if mutant.path not in changed]
        again = _tried_again(run, green, found, known, spent=found.seconds)
    if again is None or (again.untried and not again.mutants):
        remark = f"{found.remark} {comments.BEFORE_FINDINGS}".strip()
        store.put_document(run_id, LAST, replace(found, remark=remark))
        return
    _conclude(run_id, _explained(run, first, again), green.tree)


@step("test_round")
def test_round(run_id: str) -> None:
    """Plant mistakes into what a review round has changed outside of tests; what no test notices is told, and nobody asked."""
    our_hands = hands.current()
    store, git = our_hands.store, our_hands.git
    if store.has_document(run_id, LAST):
        return
    run, green = store.run(run_id), store.document(run_id, "green", Green)
    assert green is not None, "the proof comes first"
    repository_id = run.target.repo.id
    before = tried_before(run)
    # Where the tool was missing or nobody wanted it, that is still so, and has been said.
    if before is None or (before[0].remark and not before[0].mutants):
        return
    our_hands.workbenches.open(run)
    tried, tree = before
    start = git.tree_of(repository_id, run.start)
    if not tree or not git.has(repository_id, tree) or not _changes_source(run, start, green.tree):
        return
    run = lifecycle.enter(run, Stage.MUTATE)
    found = _mutated(run, git.diff(repository_id, run.start, green.tree), green)
    if not found.mutants:
        return
    changed = {change.path for change in git.changes(repository_id, tree, green.tree)}
    since = {path: hunks(git.diff(repository_id, tree, green.tree, paths=[path])) for path in sorted(changed)}
    rest = mutants.moved(tried.mutants, since)
    remark = comments.REST_BEFORE_REVIEW if rest else ""
    whole = Mutation(
        mutants.joined(rest, found.mutants), tried.untried + found.untried, tried.seconds + found.seconds, remark
    )
    _conclude(run_id, whole, green.tree)


def _conclude(run_id: str, found: Mutation, tree: str) -> None:
    """This is told of the change, whose tree was tried."""
    store = hands.current().store
    store.put_document(run_id, TRIED_IN, tree)
    store.put_document(run_id, LAST, found)


def stand_by(run_id: str, before: Proven) -> None:
    """Make what was proven before the run's change again; called inside other steps."""
    store = hands.current().store
    store.put_document(run_id, "green", before.green)
    store.put_document(run_id, DRAFT, before.change)
    store.put_document(run_id, "ticked", before.ticked)
    # The conversation is over, until somebody has something new to say in it.
    store.put_document(run_id, Submitted.name(Assignment.BUILD), len(store.turns(run_id, Assignment.BUILD)))


def proven(run_id: str) -> Proven:
    """The change as it stands proven now, with its author's words."""
    store = hands.current().store
    green, change = store.document(run_id, "green", Green), store.document(run_id, DRAFT, ChangeDraft)
    assert green is not None and change is not None, "the proof comes first"
    return Proven(green, change, store.document(run_id, "ticked", tuple[Ticked, ...]) or ())


def _whole(run: Run, tree: str) -> str:
    """The difference of the whole change."""
    return hands.current().git.diff(run.target.repo.id, run.base_commit, tree)


def _changes_source(run: Run, old: str, new: str) -> bool:
    """Whether Rust code outside of tests differs between two trees."""
    git, repository_id = hands.current().git, run.target.repo.id
    changes = [change for change in git.changes(repository_id, old, new) if change.path.endswith(".rs")]
    texts = git.read_many(repository_id, old, [change.path for change in changes])
    return bool(split(changes, texts, test_only=test_only_files(sources(run, old))).source)


def _mutated(run: Run, difference: str, green: Green, *, spent: float = 0.0, known: Sequence[Mutant] = ()) -> Mutation:
    """What came of mutants of the difference, in the time for mutants without what is `spent` of it."""
    our_hands = hands.current()
    seconds = our_hands.mutants_seconds(run)
    if not seconds:
        return Mutation(remark="Switched off (`mutants_minutes`, `RFCSMITH_MUTANTS_SECONDS`).")
    bench = our_hands.workbenches.open(run)
    git, repository_id = our_hands.git, run.target.repo.id
    config = git.read(repository_id, run.base_commit, mutants.CONFIG)
    with bench.fresh(bench.complete(green.tree), "mutants") as fresh:
        mutator = Mutator(fresh.checker, fresh.target, seconds - spent)
        return mutator.run(difference, config, _test_seconds(green.evidence), known)


def _tried_again(run: Run, green: Green, before: Mutation, known: Sequence[Mutant], *, spent: float = 0.0) -> Mutation:
    """What came of mutants of the whole change, with the seconds of all passes over it."""
    found = _mutated(run, _whole(run, green.tree), green, spent=spent, known=known)
    return replace(found, seconds=before.seconds + found.seconds)


def _test_seconds(evidence: Evidence) -> float:
    """How long the slowest run of the tests took, building included."""
    return max((result.seconds for result in evidence.checks if result.check.kind in TESTED), default=0.0)


def _explained(run: Run, shown: Mutation, found: Mutation) -> Mutation:
    """`found`, its survivors with what the author said to those that were `shown`."""
    change = hands.current().store.document(run.id, DRAFT, ChangeDraft)
    said = {answer.mutant: answer.reason for answer in change.survivors} if change is not None else {}
    reasons = {
        mutants.identity(mutant): said[id] for id, mutant in mutants.named(shown.survivors).items() if id in said
    }

    def explained(mutant: Mutant) -> Mutant:
        return replace(mutant, reason=reasons.get(mutants.identity(mutant), ""))

    return replace(found, mutants=tuple(explained(mutant) for mutant in found.mutants))
