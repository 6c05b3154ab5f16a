"""What a change asks of those who build: dependencies, features, compiler and edition, from manifests and lock files; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from posixpath import basename, dirname, join

from bot.domain import Contract, ItemChange, Semver, Term, TermKind
from bot.rust.manifests import members_in, package_field, read, table, tables, text_of
from bot.rust.signatures import in_code

_KINDS = {"dependencies": "", "dev-dependencies": "for tests", "build-dependencies": "for the build"}
WAYS_AT_MOST = 3
"""How many packages one row names that come with a direct dependency."""
LICENCES_AT_MOST = 60
"""How many packages of one row are asked for their licence."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a lock file: `source` is where it comes from, "" for members of the workspace."""

    name: str
    version: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Dependency:
    name: str
    kind: str
    requirement: str
    features: tuple[str, ...]
    has_defaults: bool
    is_optional: bool
    condition: str
    place: str


def manifest_terms(old: Mapping[str, str], new: Mapping[str, str], published: frozenset[str]) -> Iterator[Term]:
    """What differs in each Cargo.toml; `published` are the manifests of packages that others use by their version."""
    for path in sorted(path for path in new if basename(path) == "Cargo.toml"):
        yield from _dependencies(path, old, new, published)
        # Of a new package nothing is new by itself but what it needs.
        if path in old:
            yield from _features(path, old, new, is_published=path in published)
    yield from _toolchain(old, new, published)


# --- direct dependencies ---------------------------------------------------------------------------------------------


def _dependencies(
    path: str, old: Mapping[str, str], new: Mapping[str, str], published: frozenset[str]
) -> Iterator[Term]:
    before, after = _direct(path, old), _direct(path, new)
    package = text_of(table(read(new[path]), "package").get("name")) if len(published) > 1 else ""
    told: set[tuple[str, str, str]] = set()
    for was, now in _pairs(before, after):
        one = now or was
        if was == now or one is None:
            continue
        change = ItemChange.CHANGE if was and now else ItemChange.ADD if now else ItemChange.REMOVE
        before_it = _written(was) if was and now and _written(was) != _written(now) else ""
        # The same new version for users and for tests is one piece of news.
        news = (one.name, _written(one), before_it)
        if before_it and news in told:
            continue
        told.add(news)
        line = _line(new[path] if now else old[path], one.name)
        note = _remark(was, now, package)
        is_here = one.place.startswith("path ")
        packages = ((one.name, ""),) if change is ItemChange.ADD and not is_here else ()
        yield Term(TermKind.DEPENDENCY, change, one.name, path, line, _written(one), before_it, note, packages=packages)


def _pairs(
    before: Mapping[tuple[str, str], _Dependency], after: Mapping[tuple[str, str], _Dependency]
) -> Iterator[tuple[_Dependency | None, _Dependency | None]]:
    """Each dependency as it was and as it is; one that only went to another table stays one."""
    gone = {key: one for key, one in before.items() if key not in after}
    for key in sorted(before.keys() | after.keys(), key=lambda key: (key[0], key not in after, key[1])):
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            place = next((other for other in gone if other[0] == key[0]), None)
            was = gone.pop(place) if place is not None else None
            yield was, now
        elif now is not None or key in gone:
            yield was, now


def _written(one: _Dependency) -> str:
    return f"{one.name} {one.requirement}".strip()


def _remark(was: _Dependency | None, now: _Dependency | None, package: str) -> str:
    said = []
    if now is None:
        said.append("no longer used")
    one = now or was
    assert one is not None
    if kind := _KINDS[one.kind]:
        said.append(kind)
    if one.is_optional and not (was and was.is_optional):
        said.append("optional")
    if was and now and was.is_optional and not now.is_optional:
        said.append("no longer optional")
    if now and now.features and (was is None or was.features != now.features):
        said.append(f"features {', '.join(map(in_code, now.features))}")
    if now and not now.has_defaults and (was is None or was.has_defaults):
        said.append("without its default features")
    if was and now and now.has_defaults and not was.has_defaults:
        said.append("with its default features")
    if one.condition:
        said.append(f"only for {in_code(one.condition)}")
    if was and now and was.kind != now.kind:
        said.append(f"was {_KINDS[was.kind] or 'for everybody'}")
    if package:
        said.append(f"of {in_code(package)}")
    return ", ".join(said)


def _direct(path: str, files: Mapping[str, str]) -> dict[tuple[str, str], _Dependency]:
    """The dependencies of a manifest by name and kind; those for several platforms under each of them."""
    document = read(files.get(path, ""))
    found: dict[tuple[str, str], _Dependency] = {}
    holders = [("", document), *((name, table(value)) for name, value in table(document, "target").items())]
    for condition, holder in holders:
        for kind in _KINDS:
            for name, value in table(holder, kind).items():
                one = _dependency(name, value, kind, condition, path, files)
                found[one.name, f"{kind} {condition}"] = one
    return found


def _dependency(
    name: str, value: object, kind: str, condition: str, path: str, files: Mapping[str, str]
) -> _Dependency:
    own = table(value)
    shared: object = _shared(name, path, files) if own.get("workspace") is True else value
    one = table(shared)
    written = shared if isinstance(shared, str) else text_of(one.get("version"))
    place = next((f"{key} {text_of(one[key])}" for key in ("git", "path") if key in one), "")
    ref = next((f" {key} {text_of(one[key])}" for key in ("rev", "tag", "branch") if key in one), "")
    features = {str(each) for each in (*_list(one.get("features")), *_list(own.get("features")))}
    defaults = own.get("default-features", one.get("default-features", True))
    return _Dependency(
        name=text_of(one.get("package"), name),
        kind=kind,
        requirement=" ".join(part for part in (written, place + ref) if part),
        features=tuple(sorted(features)),
        has_defaults=defaults is not False,
        is_optional=own.get("optional") is True,
        condition=condition,
        place=place,
    )


def _shared(name: str, path: str, files: Mapping[str, str]) -> object:
    """What the workspace's own manifest says of a dependency that its members share."""
    home = dirname(path)
    while True:
        shared = table(read(files.get(join(home, "Cargo.toml"), "")), "workspace", "dependencies")
        if name in shared:
            return shared[name]
        if not home:
            return ""
        home = dirname(home)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _line(text: str, word: str) -> int:
    """The line of a manifest on which a key stands; 0 where it cannot be found."""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().replace('"', "")
        if stripped.startswith((f"{word} ", f"{word}=", f"{word}.")) or stripped.endswith(f"dependencies.{word}]"):
            return number
    return 0


# --- features, compiler, edition -------------------------------------------------------------------------------------


def _features(path: str, old: Mapping[str, str], new: Mapping[str, str], *, is_published: bool) -> Iterator[Term]:
    before, after = features_in(old.get(path, "")), features_in(new[path])
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        level, note = Semver.MINOR, ""
        if was is not None and now is not None:
            gone, come = sorted(set(was) - set(now)), sorted(set(now) - set(was))
            if not gone and not come:
                continue
            # An optional dependency behind a feature is nobody's business; a feature behind it was turned on for others.
            level = Semver.MAJOR if any(not each.startswith("dep:") for each in gone) else Semver.MINOR
            said = [("now with", come), ("no longer with", gone)]
            note = "; ".join(f"{words} {', '.join(map(in_code, each_of))}" for words, each_of in said if each_of)
        elif was is not None:
            level = Semver.MAJOR
        if now == (f"dep:{name}",) and was is None:
            note = "the optional dependency"
        if name == "default" and was is None:
            note = f"now with {', '.join(f'{in_code(each)}' for each in now or ())}" if now else ""
        change = ItemChange.ADD if was is None else ItemChange.REMOVE if now is None else ItemChange.CHANGE
        yield Term(
            TermKind.FEATURE, change, name, path, _line(new[path] if now is not None else old[path], name), name,
            note=note, level=level if is_published and not name.startswith("_") else Semver.NONE,
        )  # fmt: skip


def features_in(text: str) -> dict[str, tuple[str, ...]]:
    """The features with what they turn on, also those that optional dependencies are by themselves."""
    document = read(text)
    found = {name: tuple(map(str, _list(value))) for name, value in table(document, "features").items()}
    named = {part.removeprefix("dep:") for parts in found.values() for part in parts if part.startswith("dep:")}
    holders = [document, *(table(value) for value in table(document, "target").values())]
    for name, value in (item for holder in holders for kind in _KINDS for item in table(holder, kind).items()):
        if table(value).get("optional") is True and name not in named:
            found.setdefault(name, (f"dep:{name}",))
    return found


def _toolchain(old: Mapping[str, str], new: Mapping[str, str], published: frozenset[str]) -> Iterator[Term]:
    """Minimum compiler and edition, each change once, however many manifests say it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for path in sorted(path for path in new if basename(path) == "Cargo.toml" and path in old):
        for field in ("rust-version", "edition"):
            was, now = (_own_or_shared(path, field, files) for files in (old, new))
            if was != now:
                found.setdefault((field, was, now), []).append(path)
    for (field, was, now), paths in found.items():
        change = ItemChange.CHANGE if was and now else ItemChange.ADD if now else ItemChange.REMOVE
        is_raised = field == "rust-version" and bool(was) and _is_raised(was, now)
        said = ["an older compiler no longer builds it"] if is_raised else []
        said += ["said for the first time"] if field == "rust-version" and not was else []
        said += [f"in {len(paths)} manifests"] if len(paths) > 1 else []
        yield Term(
            TermKind.TOOLCHAIN, change, field, paths[0], _line(new[paths[0]], field), f"{field} {now}".strip(),
            f"{field} {was}" if was else "", ", ".join(said),
            Semver.MINOR if is_raised and published & set(paths) else Semver.NONE,
            names=("MSRV",) if field == "rust-version" else (),
        )  # fmt: skip


def _own_or_shared(path: str, field: str, files: Mapping[str, str]) -> str:
    """The field as a package has it, or as the workspace gives it to its members."""
    document = read(files[path])
    if table(document, "package"):
        return package_field(path, field, files) or ("2015" if field == "edition" else "")
    return text_of(table(document, "workspace", "package").get(field))


def _is_raised(was: str, now: str) -> bool:
    numbers = [[int(part) if part.isdigit() else 0 for part in value.split(".")] for value in (was, now)]
    return bool(now) and numbers[0] < numbers[1]


# --- what comes with them --------------------------------------------------------------------------------------------


def lock_terms(old: str, new: str, path: str, direct: Iterable[str]) -> Iterator[Term]:
    """The packages that are new in a lock file and that nobody named: one term for each direct dependency that brings some."""
    before, after = packages_in(old), packages_in(new)
    if not before or not after:
        return
    fresh = {name for name in after if name not in before} - members_in(new) - set(direct)
    roads = _roads(new)
    groups: dict[str, list[str]] = {}
    for name in sorted(fresh, key=lambda name: (len(roads.get(name, ())), name)):
        groups.setdefault(roads[name][0] if name in roads else "", []).append(name)
    for first, brought in sorted(groups.items()):
        more = len(brought) - WAYS_AT_MOST
        named = ", ".join(brought[:WAYS_AT_MOST]) + (f" and {more} more" if more > 0 else "")
        deep = next((roads[name] for name in brought if len(roads.get(name, ())) > 2), ())
        way = in_code(" → ".join(deep)) if deep else ""
        said = [f"by {in_code(first)}"] if first and not deep else [way] if way else []
        yield Term(
            TermKind.DEPENDENCY, ItemChange.ADD, first, path, 0, named, note=", ".join(["comes along", *said]),
            packages=tuple((name, after[name][-1].version) for name in brought),
        )  # fmt: skip


def packages_in(lock: str) -> dict[str, tuple[Package, ...]]:
    """The packages of a lock file by name; several versions of one may be there."""
    found: dict[str, tuple[Package, ...]] = {}
    for entry in tables(read(lock).get("package")):
        one = Package(text_of(entry.get("name")), text_of(entry.get("version")), text_of(entry.get("source")))
        found[one.name] = (*found.get(one.name, ()), one)
    return found


def _roads(lock: str) -> dict[str, tuple[str, ...]]:
    """The shortest way to each package, beginning with what a member of the workspace depends on itself."""
    needs: dict[str, list[str]] = {}
    for entry in tables(read(lock).get("package")):
        names = [text_of(name).split(" ")[0] for name in _list(entry.get("dependencies"))]
        needs.setdefault(text_of(entry.get("name")), []).extend(name for name in names if name)
    members = members_in(lock)
    roads: dict[str, tuple[str, ...]] = {}
    todo = [(name, ()) for member in sorted(members) for name in needs.get(member, ()) if name not in members]
    queue: list[tuple[str, tuple[str, ...]]] = list(todo)
    for name, before in queue:
        if name not in roads:
            roads[name] = (*before, name)
            queue += [(needed, roads[name]) for needed in needs.get(name, ()) if needed not in roads]
    return roads


def with_licences(found: Contract, locks: Mapping[str, str], licence: Callable[[str, str], str]) -> Contract:
    """The contract whose new packages say what licence they have; `licence` tells it by name and version, "" where unknown.

    `locks` are the lock files by path; without one the version that will be used is "", not known.
    """
    packages: dict[str, tuple[Package, ...]] = {}
    for text in locks.values():
        packages |= packages_in(text)
    return replace(found, terms=tuple(_licensed(term, packages, licence) for term in found.terms))


def _licensed(term: Term, packages: Mapping[str, tuple[Package, ...]], licence: Callable[[str, str], str]) -> Term:
    if not term.packages:
        return term
    known: dict[str, int] = {}
    for name, version in term.packages[:LICENCES_AT_MOST]:
        versions = packages.get(name, ())
        said = licence(name, version or (versions[-1].version if versions else ""))
        known[said] = known.get(said, 0) + 1
    unknown = known.pop("", 0) + max(0, len(term.packages) - LICENCES_AT_MOST)
    said_all = [", ".join(sorted(known))] if known else []
    if unknown:
        said_all.append("licence not known" if not known else f"licence of {unknown} not known")
    return replace(term, note="; ".join(part for part in (term.note, *said_all) if part))
