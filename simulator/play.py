"""Plays a case from the filed issue to the updated pull request, with everything on free ports, and tells how it went.

The people are scripted, the model is the oracle player (or any Messages API at a given address), the product is a process of
its own that knows nothing of this. What is measured on the pull request is measured here, in containers of our own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from simulator import outcome, reviewing
from simulator.bot_process import BotError, BotProcess
from simulator.case import CACHE, Case, CaseError, Dispute, Remark, Trees, bring
from simulator.github.server import GitHubServer
from simulator.github.state import Comment, Issue, PullRequest, Thread
from simulator.measure import Measure, MeasureError
from simulator.messages.server import MessagesServer
from simulator.options import Options
from simulator.player.faults import FaultKind
from simulator.player.oracle import OracleBrain
from simulator.town import Town

POLL = 0.2
SETTLED = 3.0
STUCK = 30.0
STUMBLES = ("overloaded", "rate_limit", "broken_stream", "stream_error", "max_tokens", "pause_turn", "broken")
STEER = "Keep to what the RFC asks for, and nothing beside it."

Progress = Callable[[str, str], None]
T = TypeVar("T")


class Failed(Exception):
    """The case did not come to its good end; the message says where and why."""


def silent(_: str, __: str) -> None:
    """A progress that nobody watches."""


@dataclass(slots=True)
class Scene:
    """Everything that is at work while a case is played."""

    case: Case
    trees: Trees
    options: Options
    github: GitHubServer
    town: Town
    bot: BotProcess
    messages: MessagesServer | None
    brain: OracleBrain | None
    home: Path
    progress: Progress
    began: float = field(default_factory=time.monotonic)
    issue: Issue | None = None
    pull_request: PullRequest | None = None
    written: list[tuple[Remark, Thread]] = field(default_factory=list)
    is_held: bool = True
    commands: list[Comment] = field(default_factory=list)
    was_killed: bool = False
    interruption: dict[str, Any] = field(default_factory=dict)

    @property
    def issue_url(self) -> str:
        return f"{self.github.url}{self.issue.path}" if self.issue else ""

    @property
    def pull_request_url(self) -> str:
        return f"{self.github.url}{self.pull_request.issue.path}" if self.pull_request else ""


@contextmanager
def scene(case: Case, options: Options, progress: Progress = silent) -> Iterator[Scene]:
    """Starts GitHub, the model and the product for a case, and takes everything away again."""
    trees = bring(case, options.cache or CACHE)
    home = Path(mkdtemp(prefix=f"rfcsmith-play-{case.name}-"))
    with ExitStack() as stack:
        github = stack.enter_context(GitHubServer(port=options.github_port))
        messages, brain = None, None
        if options.model_url is None:
            brain = OracleBrain(case, trees, options.faults)
            server = MessagesServer(brain, api_key=options.api_key, pace=options.pace)
            messages = stack.enter_context(server)
            for kind in STUMBLES if options.stumbles else ():
                messages.inject(kind, when=outcome.is_build)
        town = Town(github, case.name, trees.base)
        bot = BotProcess(_settings(github, messages, options, home), home / "bot.log")
        github.deliveries.hook.duplicate = options.duplicates
        made = Scene(case, trees, options, github, town, bot, messages, brain, home, progress)
        stack.callback(_unmount, home)
        stack.callback(bot.stop)
        if messages is not None:
            stack.callback(_write_transcript, messages, home / "model.jsonl")
        github.set_webhook(f"{bot.url}/webhook")
        progress("start", "starting the bot")
        bot.start()
        town.invite()
        yield made


def _write_transcript(messages: MessagesServer, place: Path) -> None:
    """What was new in each request to the simulated model, and what it answered, a line each; for reading after a bad end."""
    with place.open("w") as file:
        for each in messages.requests:
            said = each.body.get("messages") or [None]
            line = {
                "n": each.number,
                "status": each.status,
                "error": each.error,
                "new": said[-1],
                "answer": each.message.get("content"),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _settings(github: GitHubServer, messages: MessagesServer | None, options: Options, home: Path) -> dict[str, str]:
    """The product's environment."""
    settings = {
        "GITHUB_API_URL": github.url,
        "GITHUB_APP_ID": str(github.app_id),
        "GITHUB_PRIVATE_KEY": github.private_key,
        "GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "ANTHROPIC_API_KEY": options.api_key,
        "RFCSMITH_HOME": str(home / "home"),
        "RFCSMITH_MODEL": options.model,
        "RFCSMITH_IMAGE": options.image,
        # Nothing runs CI here, so there is nothing to wait for before a draft is marked ready.
        "RFCSMITH_CI_PATIENCE": "2",
        # And whoever wants the RFC amended says so in one comment.
        "RFCSMITH_QUIET_SECONDS": "1",
    }
    url = messages.url if messages else options.model_url
    if url:
        settings["ANTHROPIC_BASE_URL"] = url
    if options.write_pause is not None:
        settings["RFCSMITH_WRITE_PAUSE"] = str(options.write_pause)
    settings["RFCSMITH_MUTANTS_SECONDS"] = str(options.mutants_seconds)
    if options.status_interval is not None:
        settings["RFCSMITH_STATUS_INTERVAL"] = str(options.status_interval)
    if options.ca_bundle is not None:
        settings["SANDBOX_CA_BUNDLE"] = str(options.ca_bundle)
    return settings


def certificates() -> Path | None:
    """The certificates that this machine's tools are told to trust, where they are not the usual ones."""
    named = os.environ.get("SANDBOX_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    return Path(named) if named else None


# --- the story -------------------------------------------------------------------------------------------------------


def tell(scene: Scene) -> None:
    """What people do from the issue to the answered review; raises Failed."""
    town, case = scene.town, scene.case
    scene.progress("issue", "an issue is filed")
    issue = scene.issue = town.file_issue(case.title, case.body)
    town.label(issue)
    scene.progress("rfc", f"labelled rfc-needed: {scene.issue_url}")
    _wait(scene, "the RFC", lambda: _has_rfc(scene, issue))
    if scene.options.rfc_only:
        return
    scene.progress("discuss", "the RFC is posted, people discuss it")
    town.comment(issue, town.reader, "Thank you, this is what I meant.")
    town.comment(issue, town.maintainer, "Agreed, let us build it like that.")
    scene.commands.append(town.comment(issue, town.maintainer, "/implement"))
    scene.progress("implement", "a maintainer says /implement")
    if scene.options.interrupts and scene.messages is not None:
        _interrupt(scene, issue, scene.messages)
    pull_request = scene.pull_request = _wait(scene, "the pull request", lambda: _finished_pull_request(scene))
    scene.progress("pull request", f"the pull request is open: {scene.pull_request_url}")
    _review(scene, pull_request)


def _interrupt(scene: Scene, issue: Issue, messages: MessagesServer) -> None:
    """Words to the build, `/stop` as soon as they were heard, and `/retry`."""
    _wait(scene, "the build", lambda: any(map(outcome.is_build, _bodies(messages))) or None)
    words = scene.town.comment(issue, scene.town.maintainer, f"@{scene.github.app.slug} {STEER}")
    scene.commands.append(words)
    scene.progress("steer", "a maintainer speaks to the build")
    _wait(scene, "the eyes on what was said", lambda: scene.town.has_reaction(words) or None)
    before = len(messages.requests)
    heard = _wait(scene, "a request with what was said", lambda: _first_with(STEER, messages))
    stop = scene.town.comment(issue, scene.town.maintainer, "/stop")
    scene.commands.append(stop)
    began = time.monotonic()
    _wait(scene, "the end of the container", lambda: not outcome.containers(scene.home) or None)
    seconds = round(time.monotonic() - began, 1)
    scene.progress("stop", f"it was heard, and stopped within {seconds} s")
    # The request that was under way when the eyes appeared was composed before them.
    scene.interruption = {"requests_before_heard": max(0, heard - before - 1), "stop_seconds": seconds}
    _wait(scene, "the word that it was stopped", lambda: _was_stopped(scene, issue))
    scene.commands.append(scene.town.comment(issue, scene.town.maintainer, "/retry"))
    scene.progress("retry", "a maintainer lets it go on")


def _bodies(messages: MessagesServer) -> list[dict[str, Any]]:
    return [each.body for each in list(messages.requests)]


def _first_with(words: str, messages: MessagesServer) -> int | None:
    """The position of the first request that holds the words."""
    found = (number for number, body in enumerate(_bodies(messages)) if words in json.dumps(body))
    return next(found, None)


def _was_stopped(scene: Scene, issue: Issue) -> bool | None:
    return any("was stopped" in each.body for each in scene.town.said_by_bot(issue)) or None


def _review(scene: Scene, pull_request: PullRequest) -> None:
    """One review with remarks, until each thread is answered and the branch holds what was asked for; then what is disputed."""
    town, before = scene.town, pull_request.head_sha
    lines = outcome.commentable(town.repository.git, town.base, before)
    placed = reviewing.placed(scene.case, scene.trees, town.tree(before), lines)
    scene.progress("review", f"a maintainer reviews it and leaves {len(placed)} remarks")
    threads = town.review(
        pull_request, [(each.path, each.lines, each.body) for each in placed], "Good work. A few remarks."
    )
    scene.written = [(each.remark, thread) for each, thread in zip(placed, threads, strict=True)]
    must_change = scene.options.model_url is None

    def done() -> bool | None:
        answered = all(town.is_answered(thread) for thread in threads)
        return (answered and (pull_request.head_sha != before or not must_change) and _is_quiet(scene)) or None

    _wait(scene, "the answers to the review", done)
    scene.progress("answered", "every thread is answered, the pull request is updated")
    disputes = [(remark.dispute, thread) for remark, thread in scene.written if remark.dispute is not None]
    if disputes:
        scene.is_held = town.tree(pull_request.head_sha) == reviewing.before_disputes(scene.case, scene.trees)
    for dispute, thread in disputes:
        _settle(scene, dispute, thread)


def _settle(scene: Scene, dispute: Dispute, thread: Thread) -> None:
    """A maintainer amends the RFC with the command that the bot offers, or does not, and tells it in the thread."""
    town, issue = scene.town, scene.issue
    request = reviewing.request_of(town.answers(thread)[0])
    if request is None or issue is None:
        return
    if dispute.is_amended:
        scene.commands.append(town.comment(issue, town.maintainer, request))
        scene.progress("amend", "a maintainer has the RFC amended, as the bot proposes")
        _wait(scene, "the amended RFC", lambda: (_says(scene, issue, dispute.wording) and _is_quiet(scene)) or None)
    town.reply(thread, dispute.verdict)
    scene.progress("settle", f"a maintainer settles what was disputed: {dispute.verdict}")
    _wait(scene, "the answer to that", lambda: (town.is_answered(thread) and _is_quiet(scene)) or None)


def _says(scene: Scene, issue: Issue, words: str) -> bool:
    return reviewing.is_rfc_with([each.body for each in scene.town.said_by_bot(issue)], words)


def _has_rfc(scene: Scene, issue: Issue) -> bool | None:
    wanted = [f"AC-{number}" for number in range(1, max(1, len(scene.case.criteria)) + 1)]
    if scene.options.model_url is not None:
        wanted = ["AC-1"]
    posted = any(all(each in comment.body for each in wanted) for comment in scene.town.said_by_bot(issue))
    return (posted and _is_quiet(scene)) or None


def _finished_pull_request(scene: Scene) -> PullRequest | None:
    found = next((each for each in scene.town.pull_requests() if each.state == "open" and not each.draft), None)
    return found if found is not None and _is_quiet(scene) else None


def _is_quiet(scene: Scene) -> bool:
    """Whether the product has been silent for a moment; for a long one, where a comment says that it is still at work."""
    last = scene.github.service.requests[-1].at if scene.github.service.requests else 0.0
    return time.time() - last > (STUCK if scene.town.at_work() else SETTLED)


def _wait(scene: Scene, what: str, look: Callable[[], T | None]) -> T:
    """Looks until there is something; raises Failed when the product gave up, died, or the patience is at its end."""
    while (found := look()) is None:
        _kill_if_it_is_time(scene)
        if not scene.bot.is_alive:
            raise Failed(f"the bot died while people waited for {what}:\n{scene.bot.tail(15)}")
        for thread in (scene.issue, scene.pull_request.issue if scene.pull_request else None):
            excuse = (
                next((c.body for c in scene.town.said_by_bot(thread) if outcome.is_excuse(c.body)), None)
                if thread
                else None
            )
            if excuse:
                raise Failed(f"instead of {what} the bot says: {' '.join(excuse.split())[:600]}")
        if time.monotonic() - scene.began > scene.options.patience:
            raise Failed(f"{what} did not come within {scene.options.patience:.0f} s")
        time.sleep(POLL)
    return found


def _kill_if_it_is_time(scene: Scene) -> None:
    """SIGKILL in the middle of the build, once, and a new start."""
    if scene.options.kill_at is None or scene.was_killed or scene.messages is None:
        return
    turns = sum(1 for each in list(scene.messages.requests) if outcome.is_build(each.body))
    if turns >= scene.options.kill_at:
        scene.was_killed = True
        scene.progress("killed", f"the bot is killed in turn {turns} of the build, and started again")
        scene.bot.kill()
        scene.bot.start()


# --- the whole play --------------------------------------------------------------------------------------------------


def play(case: Case, options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Plays one case and returns its entry of the report; never raises for what the product does."""
    entry = outcome.empty(case.name)
    home: Path | None = None
    try:
        with scene(case, options, progress) as made:
            home = made.home
            try:
                tell(made)
            except Failed as failed:
                entry["outcome"] = str(failed)
            entry["seconds"] = round(time.monotonic() - made.began, 1)
            collect(made, entry)
    except (CaseError, BotError, MeasureError) as error:
        entry["outcome"] = str(error)
    except AssertionError as violations:
        entry["outcome"] = _joined(entry["outcome"], str(violations))
    if home is not None:
        clear(home, entry, options, progress)
    return entry


def collect(made: Scene, entry: dict[str, Any]) -> None:
    """Puts figures and findings into the entry, and problems into its outcome. Measuring stops the product first."""
    problems = [] if entry["outcome"] == outcome.GOOD else [entry["outcome"]]
    report: dict[str, Any] = {}
    try:
        report = made.bot.report()
    except BotError as error:
        problems.append(str(error))
    entry |= outcome.figures(report) | {"left_over": outcome.left_over(report, made.home)}
    entry["interruption"] = made.interruption
    entry["rfc"] = outcome.rfc_figures(report, made.town, made.issue)
    threads = [thread for _, thread in made.written]
    entry |= outcome.on_github(made.town, made.pull_request, made.commands, threads, made.trees)
    if made.pull_request is not None and made.issue is not None:
        entry["review"] = reviewing.found(
            made.written,
            {str(thread.id): made.town.answers(thread) for thread in threads},
            [each.body for each in made.town.said_by_bot(made.issue)],
            made.case,
            made.town.tree(made.pull_request.head_sha),
        )
    if not made.is_held:
        entry["review"]["problems"].append("the first round did not leave alone exactly what is disputed")
    if made.pull_request is not None and made.options.measures:
        made.progress("measure", "the tests are run on the pull request's commits")
        made.bot.stop()
        try:
            with Measure(image=made.options.image, ca_bundle=made.options.ca_bundle) as measure:
                entry |= outcome.measured(measure, made, made.pull_request)
        except MeasureError as error:
            problems.append(f"nothing could be measured: {error}")
    problems += [
        f"the bot's comment on #{each.issue.number} says for ever that it is at work" for each in made.town.at_work()
    ]
    notes = made.brain.notes if made.brain is not None else []
    entry["mutants"] = outcome.mutants(
        made.brain.shown_mutants if made.brain is not None else [], made.town.annotations()
    )
    if _is_unnoticed(made, entry):
        problems.append("a weak test was planted, and no mutant showed it")
    if made.options.rfc_only:
        problems += outcome.rfc_problems(entry, notes, has_model=made.options.model_url is not None)
    else:
        problems += outcome.problems(
            entry,
            made.case,
            notes,
            has_model=made.options.model_url is not None,
            is_measured=made.pull_request is None or made.options.measures,
        )
    entry["outcome"] = "; ".join(dict.fromkeys(problems)) or outcome.GOOD


def _is_unnoticed(made: Scene, entry: Mapping[str, Any]) -> bool:
    """Whether a weak test was planted, there was time for all mutants, and none showed it."""
    if FaultKind.WEAK not in made.options.faults or not made.options.mutants_seconds or made.pull_request is None:
        return False
    had_time = "had no time" not in made.pull_request.issue.body
    return had_time and not entry["mutants"]["noticed_later"]


def _joined(said: str, more: str) -> str:
    return more if said == outcome.GOOD else f"{said}; {more}"


def clear(home: Path, entry: dict[str, Any], options: Options, progress: Progress) -> None:
    """Takes away what the product left on the disk, unless somebody will want to look at it."""
    if options.keep or entry["outcome"] != outcome.GOOD:
        progress("kept", f"the bot's log and home are kept in {home}")
    else:
        shutil.rmtree(home, ignore_errors=True)


def _unmount(home: Path) -> None:
    """A product that was ended in the middle of a run leaves the run's disk mounted, to go on with it: nobody will."""
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    for place in [line.split()[1] for line in lines]:
        if place.startswith(f"{home.resolve()}/"):
            subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)


def play_all(cases: Sequence[Case], options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Plays one case after the other; the whole report."""
    entries = []
    for case in cases:
        progress("case", case.name)
        entries.append(play(case, options, progress))
        progress("end", f"{case.name}: {entries[-1]['outcome']}")
    return {"cases": entries}
