"""How the player goes about each assignment: procedures that yield turns and learn from nothing but their results."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simulator.case import Remark, without
from simulator.messages.brain import Block, say
from simulator.player import drafts, split, words
from simulator.player.desk import BATCH, Desk, Play
from simulator.player.faults import IN_CODE, Fault, FaultKind, candidates, shows_failure
from simulator.player.head import with_suggestions
from simulator.player.transcript import Offer, Result
from simulator.player.words import Work
from simulator.trees import File, Tree, changed

Verdict = Generator[list[Block], Sequence[Result], bool | None]

NOT_SHOWN = "diagnostic for {} never shown"
UNSEEN_BREAK = "diagnostic for a suggestion that breaks something never shown"
NO_FIT = "the fault {} does not fit this crate: neither its checks nor cargo itself show it"
SURVIVOR = re.compile(r"(?m)^\W*(M\d+) (\S.*)$")
COMPILE_ERROR = re.compile(r"(?m)^error\[E\d+\]:")
HAND_IN_AGAIN = 2
MOST_DEPENDENCIES = 60
CRITERION = re.compile(r"(?m)^(AC-\d+): (.+)$")
REMARK = re.compile(r'(?s)what="thread (\w+), remark \d+"[^>]*>\n(.*?)\n</quoted')
DISPUTED = re.compile(r"\b(?:against|instead of|contrary to) (AC-\d+)\b")
THREAD_ID = re.compile(r"(?i)\bPRRT_[\w-]+|\bthread[ `\"'=:#]+(?:id[ `\"'=:#]+)?([\w-]*\d[\w-]*)")


class Player:
    """One assignment: what is to be done, with which tools, and what there is to tell afterwards (`notes`).

    `heard` is what was said beside the results that came last, `shown_mutants` the mistakes that its tests did not notice.
    """

    def __init__(self, work: Work, offer: Offer, brief: str, faults: tuple[FaultKind, ...]) -> None:
        self.work = words.with_weak_tests(work) if FaultKind.WEAK in faults else work
        self.offer = offer
        self.brief = brief
        self.faults = faults
        self.notes: list[str] = []
        self.heard = ""
        self.shown_mutants: list[str] = []

    def play(self) -> Play:
        """The whole assignment, up to the accepted submission."""
        stages: dict[str, Callable[[], Play]] = {
            "submit_rfc": self.rfc,
            "submit_critique": self.critique,
            "submit_plan": self.plan,
            "submit_plan_critique": self.plan_critique,
            "submit_tests": self.tests,
            "submit_change": self.build,
            "submit_examination": self.examination,
            "submit_review": self.review,
            "submit_update": self.update,
        }
        stage = stages.get(self.offer.submit or "")
        if stage is None:
            self.notes.append(f"no assignment that the player knows: {self.offer.submit}")
            return
        yield from stage()

    # --- reading -----------------------------------------------------------------------------------------------------

    def rfc(self) -> Play:
        desk = Desk(self.offer, self.work.trees.base)
        yield from self._investigate(desk)
        amended = words.with_amendments(self.work.case, self.brief)
        finished = words.rfc(replace(self.work, case=amended))
        if amended != self.work.case:
            finished |= {"what_changed": "What was asked for stands in place of the old promise."}
        draft = drafts.weakened(finished) if FaultKind.WEAKNESS in self.faults else finished
        planted = drafts.planted(draft, self.work.trees.base) if FaultKind.CITATION in self.faults else ()
        yield from self._draft(desk, drafts.with_all(draft, planted), planted)
        # Whoever is asked again after an accepted draft has been read by somebody else.
        revised = finished | {"answers": drafts.answers(self.heard)}
        yield from self._hand_in(desk, revised, "What was found is mended.")

    def _draft(self, desk: Desk, draft: dict[str, object], planted: Sequence[drafts.Plant]) -> Play:
        """Hands in the draft until it is accepted, taking back of the planted mistakes only what a complaint names."""
        waiting = list(planted)
        sentence = "The design."
        for _ in range(2 + HAND_IN_AGAIN):
            results = yield [say(sentence), desk.tool(self.offer.submit or "", draft)]
            if not results[0].is_error:
                break
            complaint = results[0].text
            named = [plant for plant in waiting if plant.is_named(complaint)]
            if not named:
                self.notes.append(f"{self.offer.submit} was refused: {' '.join(complaint.split())[:600]}")
            draft = drafts.without(_mended(draft, complaint) if not named else draft, named)
            waiting = [plant for plant in waiting if plant not in named]
            sentence = "Once more, with what was named mended."
        self.notes.extend(NOT_SHOWN.format(plant.name) for plant in waiting)

    def critique(self) -> Play:
        """The second reader: finds what was planted, and one thing that is a matter of taste."""
        desk = Desk(self.offer, self.work.trees.base)
        if self.offer.bash:
            yield [say("I look at what the draft rests on."), desk.bash("ls -a")]
        yield from self._criticise(desk, drafts.weaknesses(self.brief))

    def _criticise(self, desk: Desk, found: list[dict[str, str]]) -> Play:
        if FaultKind.WEAKNESS in self.faults and not found:
            self.notes.append(NOT_SHOWN.format(FaultKind.WEAKNESS))
        yield from self._hand_in(desk, {"findings": found}, "What I hold against it.")

    def plan(self) -> Play:
        desk = Desk(self.offer, self.work.trees.base)
        yield from self._investigate(desk, views=1)
        finished = words.plan(self.work)
        if FaultKind.WEAKNESS in self.faults:
            yield from self._draft(desk, drafts.strayed(finished), ())
            finished = finished | {"answers": drafts.answers(self.heard)}
        yield from self._hand_in(desk, finished, "The plan.")

    def plan_critique(self) -> Play:
        """The second reader of the plan needs no look at the code."""
        yield from self._criticise(Desk(self.offer, self.work.trees.base), drafts.strays(self.brief))

    def _investigate(self, desk: Desk, views: int = 3) -> Play:
        if self.offer.bash:
            look = desk.bash(
                "ls -a; rg -n --max-count 12 'pub (fn|struct|enum|trait|mod)|macro_rules' -g '*.rs' | head -80"
            )
            yield [say("I look at what there is."), look]
        paths = list(dict.fromkeys(str(each["path"]) for each in words.citations(self.work)))
        if paths[:views]:
            yield [say("The places that matter."), *(desk.view(path) for path in paths[:views])]

    # --- writing -----------------------------------------------------------------------------------------------------

    def tests(self) -> Play:
        work = self.work
        desk = Desk(self.offer, work.trees.base)
        paths = words.fixtures(work)
        yield from desk.look_around(paths, [work.trees.base, work.tests, work.head])
        yield from self._fetch_dependencies(desk, work.tests)
        yield from desk.bring(_part(work.tests, paths), "The tests, before any code.")
        if self.offer.has("check"):
            report = (yield [say("They should fail now."), desk.tool("check", {"scope": "quick"})])[0].text
            for stubs in work.stubs if COMPILE_ERROR.search(report) else ():
                if (yield from self._make_stubs(desk, stubs, paths)):
                    break
        yield from desk.last_look(work.test_paths)
        yield from self._hand_in(desk, words.tests(work), "The tests stand, and fail as they should.")

    def _make_stubs(self, desk: Desk, stubs: Tree, paths: list[str]) -> Generator[list[Block], Sequence[Result], bool]:
        """Let the tests compile by signatures that do nothing; where these do not compile, take them away again."""
        yield from self._fetch_dependencies(desk, self.work.head)
        yield from desk.bring(
            _part(stubs, paths), "The signatures, without what is behind them, so that the tests compile."
        )
        report = (yield [say("Do they fail for the right reason now?"), desk.tool("check", {"scope": "quick"})])[0].text
        if COMPILE_ERROR.search(report) or "rustfmt formatted" in report:
            # What rustfmt made of it is not known here.
            yield from desk.bring(_part(self.work.tests, paths), "That does not fit in here, so the tests stand alone.")
            return False
        return True

    def build(self) -> Play:
        work = self.work
        desk = Desk(self.offer, work.tests)
        paths = words.fixtures(work)
        yield from desk.look_around(paths, [work.tests, *work.stubs, work.trees.base, work.head, work.trees.gold])
        yield from self._fetch_dependencies(desk, work.head)
        yield from self._tick(desk, "T1", "the tests were written first")
        for kind in [each for each in self.faults if each in IN_CODE] if self.offer.has("check") else ():
            yield from self._make_and_mend(desk, kind)
        code, prose = words.code_and_prose(work)
        yield from desk.bring(_part(work.head, [path for path in paths if path not in prose]), "Now the code.")
        yield from self._tick(desk, "T2", "")
        if prose:
            yield from desk.bring(_part(work.head, paths), "And what is written about it.")
            yield from self._tick(desk, "T3", "")
        yield from self._finish(desk, paths)
        results = yield [say("Done: everything is green."), desk.tool(self.offer.submit or "", words.change(work))]
        # Nobody answers to a submission that stands, but with what its tests do not notice.
        survivors = SURVIVOR.findall(self.heard)
        if not survivors:
            self.notes.append(f"{self.offer.submit} was refused: {' '.join(results[0].text.split())[:600]}")
            yield from desk.last_look(paths)
            yield from self._hand_in(desk, words.change(work), "Once more, with that mended.")
            return
        self.shown_mutants += [what for _, what in survivors]
        yield from desk.bring(_part(work.better, work.test_paths), "Then the tests must look closer.")
        yield from self._finish(desk, paths)
        said = [{"mutant": id, "reason": words.NO_DIFFERENCE} for id, _ in survivors]
        yield from self._hand_in(desk, words.change(work) | {"survivors": said}, "With better tests.")

    def examination(self) -> Play:
        """The examiner finds nothing: what the player builds is the solution itself."""
        yield from self._hand_in(Desk(self.offer, self.work.trees.base), {"findings": []}, "What I hold against it.")

    def review(self) -> Play:
        work = self.work
        desk = Desk(self.offer, work.head)
        paths = words.fixtures(work)
        told, waiting = self._told(), disputed(self.brief)
        target = without(work.trees.gold, [e for id, each in told.items() if id in waiting for e in each.changes])
        suggested = with_suggestions(work.head, list(told.values()))
        yield from desk.look_around(paths, [work.head, work.better, suggested, target, work.trees.gold])
        yield from self._try_suggestions(desk, list(told.values()))
        yield from desk.bring(_part(target, paths), "What the reviewers ask for.")
        yield from self._finish(desk, paths)
        value = {
            "summary": "What was asked for is done, but for what the answers say.",
            "answers": words.answers(thread_ids(self.brief), told, waiting),
        }
        yield from self._hand_in(desk, value, "An answer to each thread.")

    def _told(self) -> dict[str, Remark]:
        """The case's remarks by the threads that hold them."""
        said = REMARK.findall(self.brief)
        return {thread: remark for thread, text in said for remark in self.work.case.review if remark.body in text}

    def _try_suggestions(self, desk: Desk, told: Sequence[Remark]) -> Play:
        """Sees a suggestion break something that is in the workspace already, before it is taken back."""
        broken = [(each.path, each.suggestion) for each in told if each.suggestion and each.suggestion.reason]
        if self.offer.has("check") and any(each.stands_in(desk.files[path].text or "") for path, each in broken):
            results = yield [say("Do the suggestions hold?"), desk.tool("check", {"scope": "full"})]
            if not shows_failure(results[0].text):
                self.notes.append(UNSEEN_BREAK)

    def update(self) -> Play:
        """Files in conflict become what the player had made of them: cases have no base that moves on."""
        work = self.work
        desk = Desk(self.offer, work.head)
        named = {line.strip().removeprefix("- ") for line in self.brief.splitlines()}
        paths = [path for path in work.head if path in named]
        yield from desk.bring(_part(work.head, paths), "What both sides meant.")
        yield from self._finish(desk, paths)
        yield from self._hand_in(desk, {"summary": "Both sides are kept."}, "The merge.")

    def _finish(self, desk: Desk, paths: list[str]) -> Play:
        if self.offer.has("check"):
            yield [say("Everything once more."), desk.tool("check", {"scope": "full"})]
        if self.offer.has("diff"):
            yield [say("And what will be published."), desk.tool("diff", {})]
        yield from desk.last_look(paths)

    def _tick(self, desk: Desk, task: str, note: str) -> Play:
        if self.offer.has("plan"):
            yield [say(f"{task} is done."), desk.tool("plan", {"task": task, "state": "done", "note": note})]

    def _fetch_dependencies(self, desk: Desk, target: Tree) -> Play:
        """Asks for every crate that the target's manifests and lock files name and the base's do not."""
        if not self.offer.has("dependency"):
            return
        wanted = _new_dependencies(self.work.trees.base, target) + _newly_locked(self.work.trees.base, target)
        calls = [desk.tool("dependency", value) for value in wanted[:MOST_DEPENDENCIES]]
        for start in range(0, len(calls), BATCH):
            yield [say("The change needs crates that are not here yet."), *calls[start : start + BATCH]]

    # --- mistakes ----------------------------------------------------------------------------------------------------

    def _make_and_mend(self, desk: Desk, kind: FaultKind) -> Play:
        """Makes one mistake; mends it when a check has shown it, tries another form of it where cargo does not see it."""
        work = self.work
        forms = candidates(kind, work.case, work.tests, work.head)
        for fault in forms:
            target = _part(work.head, words.fixtures(work)) | dict(fault.files)
            yield from desk.bring(target, fault.words)
            shown = yield from self._wait_for(desk, fault)
            if shown is False:
                self.notes.append(NOT_SHOWN.format(kind))
            sentence = (
                "The check shows what is wrong, so I mend it."
                if shown
                else "Nothing showed it; I mend it all the same."
            )
            yield from desk.bring({path: work.head.get(path) for path in fault.files}, sentence)
            if shown is not None:
                return
        if forms:
            self.notes.append(NO_FIT.format(kind))

    def _wait_for(self, desk: Desk, fault: Fault) -> Verdict:
        """True if a check showed the mistake, False if only cargo does, None if nothing does or nobody looks for it."""
        report = ""
        for scope in ("quick", "full"):
            results = yield [say("Does it hold?"), desk.tool("check", {"scope": scope})]
            report = results[0].text
            if "formatted" in report:
                # The check may format by itself what was changed; then the files are not as they were left.
                yield from desk.look_around(desk.touched, [self.work.head, self.work.trees.gold])
            if fault.shown(report):
                return True
        if not fault.is_looked_for(report):
            return None
        text = yield from desk.ask("I doubt that. What does cargo say itself?", fault.probe)
        return False if fault.shown(text) else None

    # --- handing in --------------------------------------------------------------------------------------------------

    def _hand_in(self, desk: Desk, value: Mapping[str, object], sentence: str) -> Play:
        name = self.offer.submit or ""
        for _ in range(1 + HAND_IN_AGAIN):
            results = yield [say(sentence), desk.tool(name, value)]
            # Nobody asks again after a submission that stands; whoever does has found something.
            complaint = results[0].text
            self.notes.append(f"{name} was refused: {' '.join(complaint.split())[:600]}")
            value, sentence = _mended(value, complaint), "Once more, with that mended."
            if desk.touched and self.offer.bash:
                yield from desk.last_look(())


def thread_ids(brief: str) -> list[str]:
    """The ids of review threads that a brief shows, in order."""
    found = [match.group(1) or match.group(0) for match in THREAD_ID.finditer(brief)]
    return list(dict.fromkeys(found))


def disputed(brief: str) -> dict[str, str]:
    """The threads whose last remarks speak against a criterion of the RFC by its id, each with that criterion."""
    criteria = dict(CRITERION.findall(brief))
    found = ((thread, DISPUTED.search(text)) for thread, text in dict(REMARK.findall(brief)).items())
    return {thread: criteria[match[1]] for thread, match in found if match and match[1] in criteria}


def _mended(value: Mapping[str, object], complaint: str) -> dict[str, object]:
    """The submission after a complaint: threads that it names are answered, those that it does not know are dropped."""
    result = dict(value)
    if "answers" in value:
        listed = re.search(r"the threads are: ([^.\n]+)", complaint)
        missing = re.findall(r"thread (\S+) has no answer", complaint)
        given: list[dict[str, object]] = list(value["answers"])  # type: ignore[call-overload]
        known = [name.strip() for name in listed.group(1).split(",")] if listed else None
        kept = [each for each in given if known is None or each["thread"] in known]
        have = {each["thread"] for each in kept}
        result["answers"] = kept + words.answers([each for each in [*(known or []), *missing] if each not in have])
    if "citations" in value:
        bad = set(re.findall(r"citations: (\S+?):\d+:", complaint))
        cited: list[dict[str, object]] = list(value["citations"])  # type: ignore[call-overload]
        result["citations"] = [each for each in cited if each["path"] not in bad]
    return result


def _part(tree: Tree, paths: list[str]) -> dict[str, File | None]:
    return {path: tree.get(path) for path in paths}


def _new_dependencies(base: Tree, target: Tree) -> list[dict[str, object]]:
    """Dependencies from the registry that a manifest of `target` names and `base` does not, or not like that."""
    found: dict[str, dict[str, object]] = {}
    for old, new in _changed_files(base, target, "Cargo.toml"):
        known = split.dependencies(old)
        found |= {
            n: table for n, table in split.dependencies(new).items() if known.get(n) != table and "version" in table
        }
    return [
        {
            "name": name,
            "version": str(table["version"]),
            "features": table.get("features", []),
            "default_features": table.get("default-features", True),
        }
        for name, table in found.items()
    ]


def _newly_locked(base: Tree, target: Tree) -> list[dict[str, object]]:
    """Versions from the registry that a lock file of `target` has and `base` has not."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for old, new in _changed_files(base, target, "Cargo.lock"):
        known = {(each["name"], each["version"]) for each in old.get("package", [])}
        for each in new.get("package", []):
            name, version = each["name"], each["version"]
            if (name, version) not in known and str(each.get("source", "")).startswith("registry+"):
                value = {"name": name, "version": f"={version}", "features": [], "default_features": False}
                found[name, version] = value
    return list(found.values())


def _changed_files(base: Tree, target: Tree, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each changed TOML file of this name, parsed, as it was and as it becomes."""
    for path in changed(base, target):
        if path.rpartition("/")[2] != name or path not in target:
            continue
        try:
            yield tomllib.loads((base[path].text if path in base else "") or ""), tomllib.loads(target[path].text or "")
        except tomllib.TOMLDecodeError:
            continue
