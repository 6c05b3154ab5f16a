"""`/update`: the base, and a pull request's change on top of it, merged by the host and resolved in the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from bot import comments
from bot.agent.submit import UpdateDraft
from bot.domain import Assignment, IssueState, Run, RunKind
from workflows import hands
from workflows.engine import step
from workflows.steps import ci, preparation, publication, rounds
from workflows.steps.place import Place, answer, github_of, open_run
from workflows.steps.records import JOINED, Joined, Submitted, foot_of, lay_out


def ask(place: Place, number: int, comment_id: int | None) -> Sequence[Run]:
    """`/update`: a run on the target's open pull request, unless one is at work there."""
    record = hands.current().store.target(place.repo.id, place.target.issue)
    pull_number = record.pull_request if record is not None else None
    running = rounds.at_work(place)
    if running:
        answer(place, comments.already_running_comment(place.sender, running[0]), number)
        return []
    is_open = (
        pull_number is not None and github_of(place.repo).pull_request(place.repo, pull_number).state is IssueState.OPEN
    )
    if not is_open:
        answer(place, comments.no_pull_request_comment(place.sender), number)
        return []
    run = open_run(place, RunKind.UPDATE, "", comment_id=comment_id, pull_request=pull_number)
    if place.number != pull_number:
        answer(place, comments.going_on_comment(place.sender, pull_number or 0), number)
    return [run]


@step("is_behind")
def is_behind(run_id: str) -> bool:
    """Whether the base holds what the branch does not; else that is what there is to say."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    # Where the merge is pushed already, and only not yet told, the branch holds the base.
    if store.has_document(run_id, "pushed") or not our_hands.git.is_ancestor(
        run.target.repo.id, run.base_commit, foot_of(run)
    ):
        return True
    store.put_document(run_id, "note", comments.up_to_date_note(run.branch, run.base_ref))
    return False


@step("merge_base_in")
def merge(run_id: str) -> None:
    """Lay the merge out over the base that was measured; where git is content, nothing is asked of the agent."""
    our_hands = hands.current()
    store, git = our_hands.store, our_hands.git
    run = store.run(run_id)
    if store.has_document(run_id, JOINED):
        return
    repository_id, head = run.target.repo.id, foot_of(run)
    before = git.merge_base(repository_id, head, run.base_commit)
    found = git.merge(repository_id, base=before, ours=head, theirs=run.base_commit)
    lay_out(run, found.tree)
    if not any(path.endswith(("Cargo.toml", "Cargo.lock")) for path in found.conflicts):
        preparation.fetch_again(run, found.tree)
    if not found.conflicts:
        store.put_document(run_id, Submitted.name(Assignment.UPDATE), 0)
    store.put_document(run_id, JOINED, Joined(run.base_commit, before, found.conflicts, is_laid_out=True))
    store.put_document(run_id, CONFLICTS, found.conflicts)


CONFLICTS = "conflicts"
"""The name of the document with the paths in which the base and the pull request did not fit together."""


@step("report_update")
def report(run_id: str) -> None:
    """Let the pull request tell of the whole change on its new base, and say what was merged."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    assert run.pull_request is not None
    github = github_of(run.target.repo)
    pushed = store.document(run_id, "pushed", str) or ""
    pull_request = github.pull_request(run.target.repo, run.pull_request)
    publication.bring_up_to_date(github, run, pull_request, pushed)
    ci.watch(run, pull_request, pushed)
    draft = store.document(run_id, f"draft:{Assignment.UPDATE}", UpdateDraft)
    conflicts = store.document(run_id, CONFLICTS, tuple[str, ...]) or ()
    summary = draft.summary if draft is not None else ""
    store.put_document(run_id, "note", comments.updated_note(run.base_ref, run.base_commit, conflicts, summary, pushed))
