"""A run's work and what somebody pushed onto its branch meanwhile, brought together in the workspace."""

from __future__ import annotations

from dataclasses import replace

from bot import comments
from bot.domain import Run, RunKind
from bot.workbench import Kept
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, mending, preparation
from workflows.steps.publication import COMMITS
from workflows.steps.records import CONTINUES, JOINED, REMARK, Green, Joined, Ticked, assignment_of, lay_out, setup_of


@step("join")
def join(run_id: str) -> None:
    """Let the run begin at the head that was faster, with its work on top; what does not fit is the agent's next task.

    The host merges trees. The workspace gets files, with git's marks where both sides changed the same lines.
    """
    our_hands = hands.current()
    store, git = our_hands.store, our_hands.git
    run = store.run(run_id)
    joined, green = store.document(run_id, JOINED, Joined), store.document(run_id, "green", Green)
    if joined is None or joined.is_laid_out:
        return
    assert green is not None, "whoever is about to push has proven something"
    our_hands.workbenches.open(run)
    if not git.has(run.target.repo.id, joined.head):
        preparation.brought_head(run)
    merge = git.merge(run.target.repo.id, base=joined.before, ours=joined.head, theirs=green.tree)
    # First of all the work: from here on the last snapshot is the run's work on top of theirs.
    lay_out(run, merge.tree)
    run = _begun_at(run, joined.head)
    if run.head_commit:
        _prepare_again(run)
    else:
        # What is judged by a base has one that has not moved; only its dependencies may be others now.
        preparation.fetch_again(run, merge.tree)
    lay_out(run, merge.tree)
    if merge.conflicts:
        conversation.complain(run_id, assignment_of(run), _task(merge.conflicts))
    store.put_document(run_id, REMARK, comments.joined_remark(joined.head, len(merge.conflicts)))
    store.forget_document(run_id, "green")
    store.put_document(run_id, JOINED, replace(joined, conflicts=merge.conflicts, is_laid_out=True))


def _begun_at(run: Run, head: str) -> Run:
    """The run as if it had begun at this head; the commits that lost the race are nobody's."""
    store = hands.current().store
    earlier = store.document(run.retry_of, COMMITS, tuple[tuple[str, str], ...]) if run.retry_of else None
    store.put_document(run.id, COMMITS, earlier or ())
    if run.head_commit:
        return store.save_run(replace(run, head_commit=head))
    store.put_document(run.id, CONTINUES, head)
    # States between the tasks do not hold what the others did: as commits they would take it back.
    store.put_document(run.id, "ticked", tuple[Ticked, ...]())
    return run


def _prepare_again(run: Run) -> None:
    """Fetch and measure at the new head, so that nothing that is red there is blamed on the run's work."""
    our_hands = hands.current()
    store, git, repository_id = our_hands.store, our_hands.git, run.target.repo.id
    bench = our_hands.workbenches.open(run)
    bench.restore(git.tree_of(repository_id, run.head_commit))
    lock = preparation.fetched_lock(run, bench)
    if lock is not None:
        bench.files.write("Cargo.lock", lock)
    tree = bench.tree(Kept.JOINED)
    unpublished = ("Cargo.lock",) if lock is not None else ()
    store.put_document(run.id, "setup", replace(setup_of(run), base_tree=tree, unpublished=unpublished))
    baseline = bench.checker(bench.sandbox()).measure_base()
    baseline = replace(baseline, rewritten=bench.rewritten())
    if run.kind is RunKind.CI:
        baseline = mending.demanding(run, baseline)
    store.put_document(run.id, "baseline", baseline)


def _task(conflicts: tuple[str, ...]) -> str:
    names = "\n".join(f"- {path}" for path in conflicts)
    return (
        "While you were at work, somebody pushed onto the branch, and git cannot bring their change and yours together. The workspace "
        f"now holds both. In these files both changed the same place:\n{names}\n\n"
        "Between git's marks, what stands above `=======` is on the branch already and what stands below is yours. A file without marks "
        "was deleted or renamed by one side. Keep what both of you meant, and where that cannot be, theirs; take the marks out, "
        "let the checks pass, and submit again."
    )
