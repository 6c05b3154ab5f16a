"""What the steps of one run leave for each other in the store, by name and type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot import comments, policy
from bot.agent.readers import reader_of
from bot.agent.submit import Critique
from bot.checking import Baseline
from bot.domain import (
    Assignment,
    Criterion,
    Evidence,
    FileChange,
    Finding,
    Mutation,
    RedKind,
    Rfc,
    Rule,
    Run,
    RunKind,
    Stage,
)
from bot.rfc.template import RfcTemplate, find_template
from bot.rust.obstacles import other_toolchain, pinned_toolchain
from bot.suggestions import Suggestion
from bot.workbench import Setup
from workflows import hands


class Submitted:
    """The number of the turn whose submission was accepted; absent while the conversation is open."""

    @staticmethod
    def name(assignment: Assignment) -> str:
        return f"submitted:{assignment}"


ACCOUNT = "account"
"""The name of the document that tells people where a run stood when it ended before its time."""
KEPT = "kept"
"""The name of the document with what an ended run leaves; absent where it changed nothing."""
ENDING = "ending"
"""The name of the document with what a run failed of, as message and hint, while its work is still being kept."""
BEGAN = "began"
"""The name of the document with the sentence why a run began that nobody asked for."""
REMARK = "remark"
"""The name of the document with a sentence that stays in the run's status comment."""
INQUIRY = "inquiry"
"""The name of the document that holds the questions with which an RFC was not handed in."""
HEARING = "hearing"
"""The name of the document that says that a review round reads the reviews: what is said after it is another round's."""
REVIEWERS = "reviewers"
"""The name of the document with the people who may write and have said something in what a review round answers."""
REVIEWS = "reviews"
"""The name of the document with the ids of the reviews whose words a review round has read."""
RULES = "rules"
"""The name of the document with the rules that people want a review round to write down."""
ONLY_RULES = "only_rules"
"""The name of the document that says that a review round has nothing else to do."""
SEEN = "seen"
"""The name of the document with the number of the version that the author of the next one was shown last."""


def shown(author: Assignment) -> str:
    """The name of the document that says that an author has been shown the second reader's findings."""
    return "revised" if author is Assignment.RFC else f"revised:{author}"


@dataclass(frozen=True, slots=True)
class Red:
    """The proven red state: its tree, why each new test failed there by its key, and a report for the builder."""

    tree: str
    kinds: dict[str, RedKind]
    criteria: dict[str, tuple[str, ...]]
    report: str


ADDED = "added"
"""The name of the document with the tests that a round on a pull request has added; absent before they were looked at."""


@dataclass(frozen=True, slots=True)
class Added:
    """The new tests of a round: why each failed without the rest of the round, and those that passed there as well.

    `criteria` are those that a new test stands for; `renamed` tells which proven test a test was before, if only its name is
    another; `dropped` are the proven tests that the round took out. `tree` is that of the commit `before`, the head before the
    round, with the round's tests; "" where there were none.
    """

    kinds: dict[str, RedKind]
    pinned: tuple[str, ...] = ()
    criteria: dict[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    before: str = ""
    tree: str = ""


TAKEN_OVER = -1
"""The turn of tasks that were ticked in an earlier run, which this one goes on from."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What the agent left when it ticked tasks in one turn of the build: their titles, and the workspace's tree."""

    turn: int
    titles: tuple[str, ...]
    tree: str


@dataclass(frozen=True, slots=True)
class Green:
    """The verified final state: the tree to publish, and what the fresh container showed."""

    tree: str
    evidence: Evidence


JOINED = "joined"
"""The name of the document that tells whose work a run found on its branch when it wanted to push; absent where nobody's."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The head that came in between, the one before it, and, once the two are brought together, what does not fit."""

    head: str
    before: str
    conflicts: tuple[str, ...] = ()
    is_laid_out: bool = False


ENDED = "ended"
"""The name of the document with what a run ended of before its time, in the words that people were told."""
CONTINUES = "continues"
"""The name of the document with the head of the pull request that a run on another foot goes on from.

A retry that finishes a draft begins at the draft's base, an update at the new base; their commits come on top of this head.
"""
TASK = "task"
"""The name of the document with what did not hold where no conversation has begun yet."""
RESUMPTION = "resumption"
"""The name of the document that says what a retry goes on from; absent before it was looked for."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a retry goes on from: the work of the run `earlier` as a tree on this run's own base, "" where there is none.

    `tests` is the tree in which that work's tests were shown red, on this run's base as well, "" where they were not.
    `is_same_base` says that both runs begin at one commit; `does_not_fit` that there is work, but not for this base.
    """

    earlier: str
    tree: str = ""
    tests: str = ""
    is_same_base: bool = False
    does_not_fit: bool = False


TAKEN_UP = "taken_up"
"""The name of the document with the later version of the RFC that a review round has taken up; absent where it has none."""
SUGGESTED = "suggested"
"""The name of the document with the suggestions that a review round begins with; absent before they were looked for."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """The suggestions that stand in the workspace before the agent comes, and the tree that they made of the head."""

    tree: str = ""
    applied: tuple[Suggestion, ...] = ()


def refuse(run: Run, changes: Sequence[FileChange]) -> None:
    """Raises `UserError` for what is never published, as the repository's base says."""
    our_hands = hands.current()
    filtered = our_hands.git.filtered(run.target.repo.id, run.base_commit, [change.path for change in changes])
    policy.refuse(changes, our_hands.config(run).may_touch_workflows, filtered=filtered)


def foot_of(run: Run) -> str:
    """The commit that the run's own commits come on top of: the head of the draft that it finishes, else where it began."""
    return hands.current().store.document(run.id, CONTINUES, str) or run.start


def assignment_of(run: Run) -> Assignment:
    """What the conversation is for that makes what the run proves green."""
    own = {kind: Assignment(kind) for kind in (RunKind.REVIEW, RunKind.CI, RunKind.UPDATE)}
    return own.get(run.kind, Assignment.BUILD)


def setup_of(run: Run) -> Setup:
    setup = hands.current().store.document(run.id, "setup", Setup)
    assert setup is not None, "preparation comes first"
    return setup


def lay_out(run: Run, tree: str) -> None:
    """Make the workspace this tree, with what setup generated, and keep that as a snapshot."""
    our_hands = hands.current()
    bench = our_hands.workbenches.open(run)
    setup = setup_of(run)
    if setup.unpublished:
        tree = our_hands.git.overlay(run.target.repo.id, tree, source=setup.base_tree, paths=setup.unpublished)
    bench.restore(tree)
    bench.take_snapshot()


def rules_of(run: Run) -> tuple[Rule, ...]:
    """The rules that a review round is to write down."""
    return hands.current().store.document(run.id, RULES, tuple[Rule, ...]) or ()


def toolchain_remark(run: Run, baseline: Baseline) -> str:
    """A sentence where the sandbox's toolchain is not the one that the repository pins."""
    git, repository_id = hands.current().git, run.target.repo.id
    files = git.texts(repository_id, run.base_commit, ["rust-toolchain", "rust-toolchain.toml"])
    return other_toolchain(pinned_toolchain(files), baseline.rustc)


def sources(run: Run, tree: str) -> dict[str, str]:
    """The Rust sources and manifests of a tree, by path."""
    git = hands.current().git
    repository_id = run.target.repo.id
    wanted = [path for path in git.paths(repository_id, tree) if path.endswith((".rs", "Cargo.toml"))]
    return git.texts(repository_id, tree, wanted)


def mutation_of(run: Run) -> Mutation | None:
    """What mutants showed of the run's change; on a pull request of its own round, else of what was tried before."""
    store = hands.current().store
    found, tree = store.document(run.id, "mutation", Mutation), store.document(run.id, "mutation:tree", str)
    if found is not None:
        green = store.document(run.id, "green", Green)
        is_other = found.mutants and green is not None and tree not in (None, green.tree)
        # Only a push that was faster than the run's own changes the tree after the last mutants, unless that was said.
        if is_other and comments.BEFORE_FINDINGS not in found.remark:
            return replace(found, remark=f"{found.remark} {comments.BEFORE_PUSH}".strip())
        return found
    if not run.is_on_pull_request:
        return None
    before = tried_before(run)
    if before is None or not (before[0].mutants or before[0].untried):
        return before[0] if before is not None else None
    return replace(before[0], remark=comments.BEFORE_ROUND)


def tried_before(run: Run) -> tuple[Mutation, str] | None:
    """What mutants showed last of the run's pull request, and in which tree; that is "" for runs of an older version."""
    store = hands.current().store
    repository_id, issue = run.target.repo.id, run.target.issue
    built = store.last_done(repository_id, issue, RunKind.IMPLEMENT)
    rounds = [
        each
        for each in store.runs_of_kind(repository_id, issue, RunKind.REVIEW)
        if each.id != run.id and each.stage is Stage.DONE and each.pull_request == run.pull_request
    ]
    for each in (*reversed(rounds), *([built] if built is not None else [])):
        found = store.document(each.id, "mutation", Mutation)
        if found is not None:
            return found, store.document(each.id, "mutation:tree", str) or ""
    return None


def rfc_of(run: Run) -> Rfc | None:
    """The version that the run is bound to; for a review the newest."""
    store = hands.current().store
    repository_id, issue = run.target.repo.id, run.target.issue
    if run.rfc_version:
        return store.rfc(repository_id, issue, run.rfc_version)
    return store.latest_rfc(repository_id, issue)


def template_of(run: Run) -> RfcTemplate | None:
    """The repository's own RFC template at the run's base; None where it has none."""
    our_hands = hands.current()
    git, repository_id = our_hands.git, run.target.repo.id
    path = find_template(git.paths(repository_id, run.base_commit), our_hands.config(run).rfc_template)
    content = git.read(repository_id, run.base_commit, path) if path is not None else None
    return RfcTemplate(path, content.decode(errors="replace")) if path is not None and content is not None else None


def agreed_criteria(run: Run) -> tuple[Criterion, ...]:
    rfc = rfc_of(run)
    return rfc.criteria if rfc is not None else ()


def critique_of(run_id: str, author: Assignment) -> tuple[Finding, ...]:
    """What the second reader of the author's draft found; none before it has read."""
    reader = reader_of(author)
    critique = hands.current().store.document(run_id, f"draft:{reader}", Critique) if reader is not None else None
    return critique.findings if critique is not None else ()


def shown_findings(run_id: str, author: Assignment) -> tuple[Finding, ...]:
    """The findings that the author has been shown and has to answer."""
    return critique_of(run_id, author) if hands.current().store.has_document(run_id, shown(author)) else ()
