"""The people of a story and what they see: one repository, its verbs, and the proof that nothing is left over at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.domain import Run
from bot.github.markers import marker_of
from simulator.github.state import Comment, Issue, PullRequest, Thread, User, WorkflowRun
from simulator.town import LABEL, MAINTAINER, Town
from tests.story import crate
from tests.story.author import Gate, Line, Lines
from tests.story.world import World, history, wait_for

TRIAGER, WRITER = "tilda", "walt"
_TROUBLE = re.compile(r"^.* (?:ERROR|CRITICAL) .*$|^Traceback .*$", re.MULTILINE)


class Tester:
    """One repository with a maintainer, a writer, a triager and a reader; the bot is installed there."""

    __test__ = False  # the name begins with Test, but pytest is not meant

    def __init__(self, world: World, name: str) -> None:
        self.world, self.github = world, world.github
        self.town = Town(world.github, name, crate.files(crate.CRATE))
        self.repository = self.town.repository
        with self.github.world.lock:
            self.repository.roles |= {TRIAGER: "triage", WRITER: "write"}
            if self.github.world.installation_of(self.github.app, self.repository) is None:
                self.town.invite()
        self.lines = Lines()
        world.author.learn(self.repository.id, self.lines)
        self.excused: list[str] = []
        self.forgotten: list[Issue] = []
        self._heard: list[Comment] = []
        self._ignored: list[Comment] = []
        self._log_start = world.log_size
        self._first_request = len(world.messages.requests)

    # --- before the story --------------------------------------------------------------------------------------------

    def has_files(self, files: Mapping[str, str | None]) -> None:
        """The maintainer pushes files to the default branch; None removes one."""
        with self.github.world.lock:
            self.town.changes.push_files(self.repository, self.town.maintainer, "main", dict(files), "Other files")
        self.town.base = self.repository.git.resolve("main") or ""

    def move_to(self, owner: str) -> None:
        """Hands the repository over to somebody else, who has the App installed as well: once, as GitHub has it, and anew."""
        with self.github.world.lock:
            self.repository.owner = account = self.github.world.add_user(owner, kind="Organization")
            for installation in self.github.world.installations:
                if installation.account is account and not installation.deleted:
                    self.town.changes.uninstall(installation, account)
            self.town.changes.install(self.github.app, account, account)

    def author_says(self, **lines: list[Line] | bool) -> None:
        """Other lines for the model: `rfc`, `critique`, `plan`, `plan_critique`, `tests`, `change`, `examination`, `review`, `mend`; `insists` as in `Lines`."""
        self.lines = replace(self.lines, **lines)
        self.world.author.learn(self.repository.id, self.lines)

    def hold(self, assignment: str) -> Gate:
        return self.world.author.hold(self.repository.id, assignment)

    # --- what people do ----------------------------------------------------------------------------------------------

    def person(self, login: str) -> User:
        with self.github.world.lock:
            return self.github.world.add_user(login)

    def file_issue(self, title: str = crate.TITLE, body: str = crate.BODY) -> Issue:
        return self.town.file_issue(title, body)

    def label(self, issue: Issue, name: str = LABEL, who: str = MAINTAINER) -> None:
        with self.github.world.lock:
            self.town.changes.add_labels(issue, self.person(who), [name])

    def unlabel(self, issue: Issue, name: str = LABEL) -> None:
        with self.github.world.lock:
            self.town.changes.remove_label(issue, self.town.maintainer, name)

    def close(self, issue: Issue) -> None:
        with self.github.world.lock:
            self.town.changes.close(issue, self.town.maintainer)

    def transfer(self, issue: Issue) -> None:
        """Moves the issue to another repository, where the App has no business."""
        with self.github.world.lock:
            other = self.github.world.add_repository(f"elsewhere/{self.repository.name}")
            self.town.changes.transfer(issue, self.town.maintainer, other)

    def lose_every_branch(self) -> None:
        with self.github.world.lock:
            for ref in self.repository.git.refs("refs/heads/"):
                self.town.changes.delete_ref(self.repository, self.town.maintainer, ref)

    def archive(self) -> None:
        with self.github.world.lock:
            self.repository.archived = True

    def edit_issue(self, issue: Issue, body: str) -> None:
        with self.github.world.lock:
            self.town.changes.edit_issue(issue, self.town.maintainer, body=body)

    def edit_rfc(self, issue: Issue, old: str, new: str, who: str = MAINTAINER) -> None:
        """Somebody edits the RFC's comment by hand."""
        comment = next(c for c in self.town.said_by_bot(issue) if marker_of(c.body) == "rfc")
        assert old in comment.body
        with self.github.world.lock:
            self.town.changes.edit_comment(comment, self.person(who), comment.body.replace(old, new))

    def wait_for_version(self, issue: Issue, version: int) -> str:
        """The RFC's comment, as soon as it holds this version."""
        return wait_for(
            f"version {version} of the RFC",
            lambda: text if f"<sub>Version {version} " in (text := self.rfc(issue)) else "",
        )

    def round_of(self, issue: Issue, version: int) -> str:
        """The reply that came with a version."""
        return wait_for(
            f"the reply with version {version}",
            lambda: next((body for marker, body in self._marked(issue) if marker == f"round:{version}"), ""),
        )

    def uninstall(self) -> None:
        """The owner takes the App away; other stories get it back."""
        with self.github.world.lock:
            installation = self.github.world.installation_of(self.github.app, self.repository)
            assert installation is not None
            self.town.changes.uninstall(installation, self.repository.owner)

    def withdraw(self, permission: str, level: str) -> None:
        """The App is left with this level of a permission."""
        with self.github.world.lock:
            installation = self.github.world.installation_of(self.github.app, self.repository)
            assert installation is not None
            self.town.changes.withdraw(installation, permission, level)

    def redeliver_everything(self) -> None:
        """GitHub delivers again whatever it told of this repository, under the same ids."""
        told = {each.guid: each for each in self.github.deliveries.log if each.event.repository is self.repository}
        for delivery in told.values():
            self.github.deliveries.redeliver(delivery)

    def never_mind(self, issue: Issue) -> None:
        """What was said at this issue cannot be answered any more."""
        self.forgotten.append(issue)

    def foreign_pull_request(self) -> PullRequest:
        """A pull request of the maintainer's own, which is none of the bot's business."""
        changes, mara = self.town.changes, self.town.maintainer
        with self.github.world.lock:
            changes.push_files(self.repository, mara, "notes", {"NOTES": "new"}, "Notes")
            return changes.open_pull_request(self.repository, mara, head="notes", base="main", title="Notes", body="")

    def say(self, issue: Issue, body: str, who: str = MAINTAINER) -> Comment:
        """A comment that the bot must react to and answer; the story fails at its end if it did not."""
        comment = self.town.comment(issue, self.person(who), body)
        self._heard.append(comment)
        return comment

    def mutter(self, issue: Issue, body: str, who: str = MAINTAINER) -> Comment:
        """A comment that is none of the bot's business; the story fails at its end if the bot reacted."""
        comment = self.town.comment(issue, self.person(who), body)
        self._ignored.append(comment)
        return comment

    def edit(self, comment: Comment, body: str, who: str = MAINTAINER) -> None:
        """Edits a comment; a command that its author adds must be answered then."""
        with self.github.world.lock:
            self.town.changes.edit_comment(comment, self.person(who), body)
        if comment in self._ignored and comment.author.login == who:
            self._ignored.remove(comment)
            self._heard.append(comment)

    def edit_pull_request(self, pull_request: PullRequest, body: str) -> None:
        with self.github.world.lock:
            self.town.changes.edit_pull_request(pull_request, self.town.maintainer, body=body)

    def push(self, branch: str, files: Mapping[str, str | None], who: str = WRITER) -> str:
        """Somebody pushes a commit with these files onto a branch; returns the commit."""
        with self.github.world.lock:
            return self.town.changes.push_files(self.repository, self.person(who), branch, dict(files), "By hand")

    def review(self, pull_request: PullRequest, path: str, line: int, text: str) -> Thread:
        """A review by the maintainer that asks for changes, with one remark."""
        return self.town.review(pull_request, [(path, range(line, line + 1), text)], "One remark.")[0]

    def suggest(
        self, pull_request: PullRequest, path: str, lines: tuple[int, int], text: str, who: str = MAINTAINER
    ) -> Thread:
        """A review with one suggestion block, for the lines from the first to the last one."""
        first, last = lines
        draft = {"path": path, "line": last, "side": "RIGHT", "body": f"```suggestion\n{text}```"}
        draft |= {"start_line": first, "start_side": "RIGHT"} if first < last else {}
        with self.github.world.lock:
            self.town.changes.review(
                pull_request, self.person(who), event="COMMENT", body="Like this?", comments=[draft]
            )
            return pull_request.threads[-1]

    # --- what CI does ------------------------------------------------------------------------------------------------

    def requires(self, *checks: str) -> None:
        """These checks are required on the default branch."""
        self.github.act.protect(self.repository.full_name, "main", checks)

    def ci_start(self, pull_request: PullRequest, *jobs: str) -> WorkflowRun:
        """CI begins on the head, as Actions does after a push."""
        with self.github.world.lock:
            return self.town.changes.ci_start(self.repository, self.town.bot, pull_request.head_sha, jobs)

    def ci_finish(self, run: WorkflowRun, log: str = "", **jobs: str) -> None:
        """The jobs at work come to these conclusions; `log` is that of each."""
        with self.github.world.lock:
            ended = [(name, conclusion, log) for name, conclusion in jobs.items()]
            self.town.changes.ci_finish(run, self.town.bot, ended)

    # --- what people see ---------------------------------------------------------------------------------------------

    def bot_comments(self, issue: Issue) -> list[str]:
        return [comment.body for comment in self.town.said_by_bot(issue)]

    def answer(self, comment: Comment, number: int = 0) -> str:
        """The bot's answer to a command, without its marker."""
        return wait_for(f"an answer to {comment.body!r}", lambda: self._answer(comment, number))

    def _answer(self, comment: Comment, number: int = 0) -> str | None:
        for marker, body in self._marked(comment.issue):
            if any(marker == f"answer:{delivery}:{number}" for delivery in self._deliveries(comment)):
                return body.rpartition("<!--")[0].strip()
        return None

    def _marked(self, issue: Issue) -> list[tuple[str, str]]:
        return [(marker_of(body) or "", body) for body in self.bot_comments(issue)]

    def _deliveries(self, comment: Comment) -> set[str]:
        """The ids of the deliveries that told the bot of a comment."""
        with self.github.world.lock:
            told = [each for each in self.github.deliveries.log if each.event.name == "issue_comment"]
            return {each.guid for each in told if each.event.payload["comment"]["id"] == comment.id}

    def status(self, issue: Issue, kind: str, attempt: int = 1) -> str:
        """The one status comment of a run, "" where there is none yet."""
        wanted = f"status:{kind}-{self.repository.id}-{self._target(issue)}-{attempt}"
        return next((body for marker, body in self._marked(issue) if marker == wanted), "")

    def _target(self, issue: Issue) -> int:
        record = self.world.store.target_of_pull_request(self.repository.id, issue.number)
        return issue.number if record is None else record.target.issue

    def wait_for_status(self, issue: Issue, kind: str, words: str, attempt: int = 1) -> str:
        """The status comment, as soon as it says `words`; fails at once where the run ended in other words."""

        def look() -> str:
            text = self.status(issue, kind, attempt)
            is_over = text[:1] in "✅❓⏹❌" and bool(text)
            assert words in text or not is_over, f"wanted {words!r}, but the run ended with:\n{text}"
            return text if words in text else ""

        return wait_for(f"the status of {kind} says {words!r}", look)

    def wait_for_approval(self, issue: Issue, part: str, showings: int = 1, attempt: int = 1) -> str:
        """What a paired run shows of its `plan` or its `tests` for the so-manieth time, as soon as it waits for an approval."""
        mark = f"pair:implement-{self.repository.id}-{issue.number}-{attempt}:{part}:"

        def look() -> str:
            shown = [body for marker, body in self._marked(issue) if marker.startswith(mark)]
            waits = "waits for your approval" in self.status(issue, "implement", attempt)
            return shown[-1] if waits and len(shown) == showings else ""

        return wait_for(f"the {part} are shown and wait", look)

    def wait_for_container(self, phase: str) -> None:
        wait_for(f"a container of the phase {phase}", lambda: phase in self.world.phases())

    def wait_for_file_with(self, text: str, path: str) -> None:
        """Until the agent has written `text` into a file of its workspace."""

        def is_there() -> bool:
            found = self.world.home.glob(f"runs/*/disk/ws/{path}")
            return any(text in file.read_text() for file in found if file.is_file())

        wait_for(f"{text!r} in {path}", is_there)

    def results_of_bash(self) -> list[str]:
        """What the model was told of its commands, over all runs of this repository."""
        blocks = [block for run in self.runs() for turn in self.world.store.all_turns(run.id) for block in turn.user]
        calls = [
            block["id"]
            for run in self.runs()
            for turn in self.world.store.all_turns(run.id)
            for block in turn.assistant or []
            if block.get("name") == "bash"
        ]
        return [block["content"] for block in blocks if block.get("tool_use_id") in calls]

    def proofs(self) -> int:
        """How often a run of this repository has begun to prove that everything is green."""
        spans = [span for run in self.runs() for span in self.world.store.spans(run.id)]
        return sum(span.kind == "stage" and span.name == "verify" for span in spans)

    def told_the_model(self) -> str:
        """Everything that the model was told, over all runs of this repository."""
        turns = [turn for run in self.runs() for turn in self.world.store.all_turns(run.id)]
        return "\n".join(str(block.get("text") or block.get("content")) for turn in turns for block in turn.user)

    def turns(self, assignment: str) -> int:
        """How often the model answered in an assignment, over all runs of this repository."""
        turns = [turn for run in self.runs() for turn in self.world.store.all_turns(run.id)]
        return sum(turn.assignment == assignment and turn.assistant is not None for turn in turns)

    def rfc(self, issue: Issue) -> str:
        """The RFC's comment, "" where there is none."""
        return next((body for marker, body in self._marked(issue) if marker == "rfc"), "")

    def with_rfc(self) -> Issue:
        """An issue whose RFC stands."""
        issue = self.file_issue()
        self.label(issue)
        self.wait_for_status(issue, "rfc", "is done")
        return issue

    def implement(self, issue: Issue, attempt: int = 1) -> PullRequest:
        """`/implement`, and the pull request that comes of it."""
        self.say(issue, "/implement")
        self.wait_for_status(issue, "implement", "is done", attempt)
        return self.the_pull_request()

    def the_pull_request(self) -> PullRequest:
        (pull_request,) = self.town.pull_requests()
        return pull_request

    def headlines(self, pull_request: PullRequest) -> list[str]:
        """The headlines of the commits, oldest first."""
        git = self.repository.git
        return [git.run("log", "-1", "--format=%s", sha).decode().strip() for sha in self.town.commits(pull_request)]

    def is_verified(self, sha: str) -> bool:
        return "gpgsig" in self.repository.git.run("cat-file", "commit", sha).decode()

    def text_at(self, commit: str) -> dict[str, str]:
        return {path: file.data.decode() for path, file in self.town.tree(commit).items()}

    def runs(self) -> list[Run]:
        return [run for run in self.world.store._runs() if run.target.repo.id == self.repository.id]

    # --- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Nothing is left over: no workflow, container, mount, unanswered command, double or leaked secret."""
        self.world.wait_until_quiet()
        problems = self.world.left_over() + self._unanswered() + self._answered_in_vain()
        problems += [f"twice: {double}" for double in self.town.doubles()]
        problems += [f"never ended: {text}" for text in self._statuses() if text.startswith(("⏳", "⏸"))]
        problems += self.world.leaks_to_the_model(self._first_request) + self.world.leaks_on_github(self.repository)
        problems += self.world.leaks("the log", self.log().encode())
        problems += [line for line in _TROUBLE.findall(self.log()) if not any(words in line for words in self.excused)]
        assert not problems, "left over:\n" + "\n".join(problems)

    def _unanswered(self) -> list[str]:
        said = [comment for comment in self._heard if not self.town.has_reaction(comment)]
        problems = [f"no reaction to {comment.body!r}" for comment in said]
        return problems + [f"no answer to {each.body!r}" for each in self._heard if not self._is_answered(each)]

    def _is_answered(self, comment: Comment) -> bool:
        """Whether the bot answered in words, or the run that it opened told its outcome."""
        if self._answer(comment) is not None:
            return True
        own = [run for run in self.runs() if run.delivery_id in self._deliveries(comment)]
        return any(self.status(comment.issue, run.kind, run.attempt)[:1] in tuple("✅❓⏹❌") for run in own)

    def _statuses(self) -> list[str]:
        with self.github.world.lock:
            issues = [issue for issue in self.repository.issues.values() if issue not in self.forgotten]
        return [body for issue in issues for marker, body in self._marked(issue) if marker.startswith("status:")]

    def _answered_in_vain(self) -> list[str]:
        problems = [f"a reaction to {each.body!r}" for each in self._ignored if self.town.has_reaction(each)]
        return problems + [f"an answer to {each.body!r}" for each in self._ignored if self._answer(each) is not None]

    def log(self) -> str:
        return self.world.log_since(self._log_start)

    def so_far(self) -> str:
        """The story as a reader of a failure wants it."""
        tail = "\n".join(self.log().splitlines()[-60:])
        told = [each for each in self.github.deliveries.log if each.event.repository is self.repository]
        deliveries = "\n".join(f"{each.event.name}.{each.event.action} {each.status}" for each in told)
        return (
            f"{history(self.repository)}\n\n--- deliveries:\n{deliveries}\n\n"
            f"--- not finished: {self.world.unfinished()}\n\n--- the end of the log:\n{tail}"
        )
