"""The archive of a run's evidence: what the containers showed is noted when it is shown, and packed when it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot import evidence
from bot.checking import Baseline, passing
from bot.domain import BundleLink, CheckResult, Evidence, Run, RunKind
from bot.errors import SandboxUnavailable
from bot.evidence import Archive, Facts, RedTest, Round, State
from bot.rust.compact import compact
from bot.workbench import Setup
from workflows import hands
from workflows.steps import records, tracing
from workflows.steps.records import Added, Green, Red

RED, GREEN, ADDED = "red", "green", "round"
"""The proofs, the last of a later round's tests; what they showed is a document for each tree, as a later one may come to nothing."""
LOCK = "Cargo.lock"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a fresh container showed: of which tree, in words, in which image, with which lock file if setup made one."""

    state: State
    report: str
    image: str
    lock: str = ""


def note(run: Run, proof: str, tree: str, results: Sequence[CheckResult], baseline: Sequence[CheckResult] = ()) -> None:
    """Note what was shown of the tree, `RED`, `GREEN` or `ADDED`."""
    our_hands = hands.current()
    git, repository_id = our_hands.git, run.target.repo.id
    bench = our_hands.workbenches.open(run)
    laid_out = bench.complete(tree)
    lock = git.read(repository_id, laid_out, LOCK)
    generated = (lock or b"").decode(errors="replace") if laid_out != tree else ""
    try:
        image = our_hands.engine.image_id(bench.setup.image)
    except SandboxUnavailable:
        image = ""
    state = evidence.state(tree, results, passing(results), lock)
    our_hands.store.put_document(run.id, _name(proof, tree), Noted(state, compact(results, baseline), image, generated))


def _name(proof: str, tree: str) -> str:
    return f"{proof}:{tree[:30]}"


def passed_of(run: Run, tree: str) -> tuple[str, ...] | None:
    """The keys of the tests that passed in the green proof of this tree; None where a run of an older version did not note it."""
    noted = hands.current().store.document(run.id, _name(GREEN, tree), Noted)
    return noted.state.passed if noted is not None else None


def attached(run: Run, found: Evidence) -> Evidence:
    """The evidence with its archive, which is packed and kept now unless it was before; as it is where too little was noted."""
    our_hands = hands.current()
    repo = run.target.repo
    kept = our_hands.store.bundle_of_run(run.id)
    if kept is None:
        archive = _archive(run, found)
        if archive is None:
            return found
        content = evidence.build(archive)
        digest = evidence.digest_of(content)
        is_public = not our_hands.github.installation(repo.installation_id).repository(repo).is_private
        kept = our_hands.store.keep_bundle(run, digest, content, is_public=is_public)
    base = our_hands.settings.public_url if kept.is_public else None
    return replace(found, bundle=BundleLink(kept.digest, f"{base}/evidence/{kept.digest}" if base else ""))


def _archive(run: Run, found: Evidence) -> Archive | None:
    """What was noted, as one archive; None where a run of an older version, or one long ago, noted too little."""
    our_hands = hands.current()
    store, git, repository_id = our_hands.store, our_hands.git, run.target.repo.id
    built = store.last_done(repository_id, run.target.issue, RunKind.IMPLEMENT) if run.is_on_pull_request else run
    if built is None:
        return None
    red, green = store.document(built.id, "red", Red), store.document(run.id, "green", Green)
    baseline, setup = store.document(built.id, "baseline", Baseline), store.document(built.id, "setup", Setup)
    head = store.document(run.id, "pushed", str)
    if red is None or green is None or baseline is None or setup is None or not head:
        return None
    noted_red = _noted_red(built, red)
    noted = store.document(run.id, _name(GREEN, green.tree), Noted)
    if noted_red is None or noted is None:
        return None
    our_hands.workbenches.open(run)
    _bring_trees(built)
    base_tree = git.tree_of(repository_id, built.base_commit)
    generated = setup.base_tree if LOCK in setup.unpublished else base_tree
    base_lock = git.read(repository_id, generated, LOCK) if git.has(repository_id, generated) else None
    patches = {
        evidence.RED_PATCH: git.patch(repository_id, base_tree, red.tree),
        evidence.FINAL_PATCH: git.patch(repository_id, red.tree, noted.state.tree),
    }
    locks = {
        evidence.BASE_LOCK: (base_lock or b"") if LOCK in setup.unpublished else b"",
        evidence.RED_LOCK: noted_red.lock.encode(),
        evidence.FINAL_LOCK: noted.lock.encode(),
    }
    files = {
        evidence.RED_REPORT: f"{noted_red.report}\n".encode(),
        evidence.GREEN_REPORT: f"{noted.report}\n".encode(),
        **{name: patch for name, patch in patches.items() if len(patch) <= evidence.LARGEST_PATCH},
        **{name: lock for name, lock in locks.items() if lock},
    }
    rounds = _rounds(run, noted.state.tree)
    facts = Facts(
        schema_version=evidence.SCHEMA,
        repository=run.target.repo.full_name,
        repository_id=repository_id,
        issue=run.target.issue,
        base_commit=built.base_commit,
        head_commit=head,
        base=evidence.state(base_tree, baseline.results, baseline.passing, base_lock),
        red=noted_red.state,
        final=noted.state,
        red_tests=tuple(RedTest(key, kind, red.criteria[key]) for key, kind in sorted(red.kinds.items())),
        rfc_version=built.rfc_version,
        rfc_digest=built.rfc_digest,
        rustc=baseline.rustc,
        image=noted.image,
        toolchain_remark=found.toolchain_remark,
        look_here=found.look_here,
        left_out=tuple(sorted((patches.keys() - files.keys()) | rounds.left_out)),
        rounds=tuple(rounds.facts),
    )
    return Archive(facts, files | rounds.files)


@dataclass(slots=True)
class _Rounds:
    """What the archive holds of later rounds: facts, files, and the names of those for which there is no room."""

    facts: list[Round] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)


def _rounds(run: Run, final: str) -> _Rounds:
    """The later rounds whose tests were red without them, each as patches from the final tree, the newest first at the room."""
    our_hands = hands.current()
    store, git, repository_id = our_hands.store, our_hands.git, run.target.repo.id
    packed = _Rounds()
    own = store.document(run.id, records.ADDED, Added)
    rounds = [*tracing.rounds_before(run), *([(run, own)] if own is not None else [])] if run.is_on_pull_request else []
    shown = [(each, added) for each, added in rounds if added.kinds and added.tree]
    room = evidence.ROUNDS_PATCHES
    for number, (each, added) in reversed(list(enumerate(shown, 1))):
        noted = store.document(each.id, _name(ADDED, added.tree), Noted)
        _bring_trees(each)
        if noted is None or not git.has(repository_id, added.before) or not git.has(repository_id, added.tree):
            continue
        before = git.tree_of(repository_id, added.before)
        names = evidence.round_files(number)
        patches = {
            names.before: git.patch(repository_id, final, before),
            names.tests: git.patch(repository_id, before, added.tree),
        }
        size = sum(map(len, patches.values()))
        if size > room:
            packed.left_out |= patches.keys()
        else:
            room -= size
            packed.files |= patches
        packed.files |= {names.report: f"{noted.report}\n".encode()}
        packed.files |= {names.lock: noted.lock.encode()} if noted.lock else {}
        tests = tuple(RedTest(key, kind, added.criteria.get(key, ())) for key, kind in sorted(added.kinds.items()))
        packed.facts.insert(0, Round(number, f"{each.kind} {each.attempt}", added.before, before, noted.state, tests))
    return packed


def _noted_red(built: Run, red: Red) -> Noted | None:
    """What the red proof showed; a retry may have taken it over from the run that it goes on from."""
    store = hands.current().store
    noted = store.document(built.id, _name(RED, red.tree), Noted)
    return noted if noted is not None or not built.retry_of else _noted_red(store.run(built.retry_of), red)


def _bring_trees(built: Run) -> None:
    """Have the trees of a run here, also where another machine made them."""
    our_hands = hands.current()
    for tree, pack in our_hands.store.snapshots(built.id):
        if not our_hands.git.has(built.target.repo.id, tree):
            our_hands.git.unpack(built.target.repo.id, pack)
