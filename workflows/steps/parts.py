"""A design that is too large for one pull request: an issue for each part, drafted one after the other; and RFCs as documents."""

from __future__ import annotations

from collections.abc import Sequence

from bot import comments
from bot.domain import Issue, IssueSubject, Rfc, RfcPart, Run, RunKind, Target
from bot.rfc.template import find_template
from workflows import hands
from workflows.engine import step
from workflows.steps.place import Place, answer, github_of, open_run
from workflows.steps.preparation import slug
from workflows.steps.records import rfc_of

FILED = "filed"
"""The name of the document of a target that says that its pull request adds the RFC as a document."""


def _key(target: Target) -> str:
    """Under which documents of a target, not of a run, are kept."""
    return f"target-{target.repo.id}-{target.issue}"


# --- an issue for each part ------------------------------------------------------------------------------------------


def split(place: Place, number: int) -> Sequence[Run]:
    """`/rfc split`: open an issue for each part of the newest version, and draft the first one's RFC."""
    store = hands.current().store
    rfc = store.latest_rfc(place.repo.id, place.target.issue)
    if rfc is None or not rfc.parts:
        missing = comments.no_rfc_comment if rfc is None else comments.no_parts_comment
        answer(place, missing(place.sender), number)
        return []
    issues = store.document(_key(place.target), "parts", tuple[int, ...]) or ()
    for position in range(len(issues), len(rfc.parts)):
        issue = _open_part(place, rfc, position, issues)
        issues = (*issues, issue.number)
        store.put_document(_key(Target(place.repo, issue.number)), "part_of", [place.target.issue, position])
        store.put_document(_key(place.target), "parts", issues)
    github = github_of(place.repo)
    links = [github.add_sub_issue(place.repo, place.target.issue, sub) for sub in issues]
    answer(place, comments.split_comment(place.sender, issues, are_linked=all(links)), number)
    return [_draft(place, issues[0])]


def _open_part(place: Place, rfc: Rfc, position: int, before: Sequence[int]) -> Issue:
    part: RfcPart = rfc.parts[position]
    criteria = [criterion for criterion in rfc.criteria if criterion.id in part.criteria]
    body = comments.part_issue_body(part.summary, place.target.issue, criteria, before[-1] if before else None)
    marker = f"part:{place.target.issue}:{position + 1}"
    return github_of(place.repo).ensure_issue(place.repo, marker, part.title, body)


def next_draft(place: Place) -> Sequence[Run]:
    """When a part is accepted, the RFC of the part behind it is drafted."""
    store = hands.current().store
    part_of = store.document(_key(place.target), "part_of", list[int])
    if part_of is None:
        return []
    parent, position = part_of
    issues = store.document(_key(Target(place.repo, parent)), "parts", tuple[int, ...]) or ()
    following = issues[position + 1 : position + 2]
    return [_draft(place, number) for number in following if store.latest_rfc(place.repo.id, number) is None]


def _draft(place: Place, issue: int) -> Run:
    """The draft of a part's RFC; our own issue tells us nothing, so that nobody but us can ask for it."""
    target = Target(place.repo, issue)
    there = Place(place.repo, issue, target, place.sender, IssueSubject(issue), place.delivery_id)
    return open_run(there, RunKind.RFC, "")


# --- RFCs as documents -----------------------------------------------------------------------------------------------


def file(place: Place, number: int) -> None:
    """`/rfc file`: the pull request will add the RFC where the repository keeps its RFCs."""
    store = hands.current().store
    rfc = store.latest_rfc(place.repo.id, place.target.issue)
    if rfc is None:
        answer(place, comments.no_rfc_comment(place.sender), number)
        return
    path = _path_at(place.target, rfc.base_commit, rfc)
    if path is None:
        answer(place, comments.no_folder_comment(place.sender), number)
        return
    store.put_document(_key(place.target), FILED, True)
    answer(place, comments.filing_comment(place.sender, path), number)


def _path_at(target: Target, commit: str, rfc: Rfc) -> str | None:
    """Where the RFC goes: into the folder of the template, named after issue and title; None where there is no folder."""
    our_hands = hands.current()
    git, repository_id = our_hands.git, target.repo.id
    if not git.has(repository_id, commit):
        return None
    template = find_template(git.paths(repository_id, commit), our_hands.config_at(repository_id, commit).rfc_template)
    folder = template.rpartition("/")[0] if template is not None else ""
    return f"{folder}/{target.issue:04}-{slug(rfc.title)}.md" if folder else None


def path_of(run: Run) -> str | None:
    """Where the run's change files its RFC; None where nobody asked for that."""
    our_hands = hands.current()
    rfc = rfc_of(run)
    is_wanted = our_hands.store.has_document(_key(run.target), FILED) or our_hands.config(run).file_rfcs
    return _path_at(run.target, run.base_commit, rfc) if rfc is not None and is_wanted else None


@step("file_rfc")
def file_rfc(run_id: str) -> None:
    """Put the RFC that is built into the workspace as a document, where that was asked for."""
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    rfc, path = rfc_of(run), path_of(run)
    if rfc is None or path is None:
        return
    bench = our_hands.workbenches.open(run)
    bench.files.write(path, f"# {rfc.title}\n\n{rfc.body}\n".encode())
    bench.take_snapshot()
