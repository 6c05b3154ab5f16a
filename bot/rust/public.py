"""What a library crate shows to others: its public items by path, through modules and re-exports; pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from posixpath import dirname

from bot.rust.conditions import Features
from bot.rust.declarations import Declared, Impl, Member
from bot.rust.manifests import Target
from bot.rust.shape import Shape, Use
from bot.rust.signatures import Signature
from bot.rust.tests import files_of_module

Path = tuple[str, ...]
_ROUNDS = 24
_PATHS = 16
_TYPES = ("struct", "enum", "union", "trait", "type")


def identity(item: Declared) -> str:
    return f"{item.path}:{item.line}:{item.kind}:{item.name}"


def _inner(item: Declared) -> Path:
    """The path of the module that an item of that kind is."""
    return (*item.module, item.name) if item.name else ()


@dataclass(slots=True)
class _Module:
    """What stands in a module, and what names mean there: its own and imported ones, and those that a glob brings."""

    declared: list[Declared] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    impls: list[Impl] = field(default_factory=list)
    named: dict[str, dict[str, Declared]] = field(default_factory=dict)
    globbed: dict[str, dict[str, Declared]] = field(default_factory=dict)

    def add(self, name: str, item: Declared, *, is_glob: bool = False) -> bool:
        """Let the name mean the item as well; whether that is new."""
        if is_glob and name in self.named:
            return False
        known = (self.globbed if is_glob else self.named).setdefault(name, {})
        key = identity(item)
        if key in known:
            return False
        known[key] = item
        return True


@dataclass(frozen=True, slots=True)
class Method:
    """A public part of a public type, with the file where it stands and the bounds of the `impl` around it."""

    member: Member
    path: str
    bounds: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Interface:
    """The public items of a crate by path (`t:a::B`: `t` types, `v` values, `m` macros), under each path they have.

    `home` is the shortest of an item's paths; `methods` are those of inherent impls by the path of their type, `impls`
    those of traits by their head. `files` are all that the crate's modules reach, `features` what each feature turns on;
    `hidden` are names of public items that the documentation does not show.
    """

    items: dict[str, list[Declared]] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    methods: dict[str, dict[str, list[Method]]] = field(default_factory=dict)
    impls: dict[str, list[Impl]] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    features: Features = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


def interface(target: Target, files: Mapping[str, str], shape: Callable[[str], Shape]) -> Interface:
    """The interface of the library `target`; `shape` reads a text."""
    crate = _Crate(target)
    crate.load(files, shape)
    crate.link()
    return crate.interface()


class _Crate:
    """The modules of one crate, and what names in them mean."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._modules: dict[Path, _Module] = {(): _Module()}
        self._files: set[str] = set()
        self._by_name: dict[str, list[Declared]] = {}

    def load(self, files: Mapping[str, str], shape: Callable[[str], Shape]) -> None:
        root = self._target.root
        todo: list[tuple[str, Path, str, frozenset[str]]] = [(root, (), dirname(root), frozenset())]
        while todo:
            path, base, directory, flags = todo.pop()
            if path not in files or path in self._files:
                continue
            self._files.add(path)
            found = shape(files[path])
            inside: dict[Path, frozenset[str]] = {(): flags}
            for item in found.declared:
                own = inside.get(item.module, flags) | item.flags
                if item.kind == "mod":
                    inside[(*item.module, item.name)] = frozenset(flag for flag in own if flag.startswith("cfg"))
                    self._modules.setdefault((*base, *item.module, item.name), _Module())
                module = (*base, *item.module)
                known = replace(item, module=module, flags=own, path=path)
                self._modules.setdefault(module, _Module()).declared.append(known)
                self._by_name.setdefault(item.name, []).append(known)
                if item.kind == "mod" and not item.inline:
                    cfg = inside[(*item.module, item.name)]
                    places = files_of_module(item.name, item.module, item.file, path, directory)
                    todo += [(file, (*module, item.name), home, cfg) for file, home in places]
            for use in found.uses:
                module = (*base, *use.module)
                own = inside.get(use.module, flags) | use.flags
                self._modules.setdefault(module, _Module()).uses.append(
                    replace(use, module=module, path=path, flags=own)
                )
            for one in found.impls:
                module = (*base, *one.module)
                own = inside.get(one.module, flags) | one.flags
                self._modules.setdefault(module, _Module()).impls.append(
                    replace(one, module=module, path=path, flags=own)
                )

    # --- names ---

    def link(self) -> None:
        """Find out what every name in every module means, as the compiler does: in rounds, until nothing new is found."""
        for path, module in self._modules.items():
            for item in module.declared:
                module.add(item.name, item)
            if not path:
                for item in (item for items in self._by_name.values() for item in items if item.is_exported):
                    module.add(item.name, item)
        for _ in range(_ROUNDS):
            if not sum(self._import(path, use) for path, module in self._modules.items() for use in module.uses):
                break

    def _import(self, path: Path, use: Use) -> bool:
        """Take over what an import brings as far as that is known yet; whether anything was new."""
        here, is_new = self._modules[path], False
        for item in self.target(path, use.target):
            if use.name != "*":
                is_new |= here.add(use.name, item)
            elif item.kind == "mod":
                outer = self._modules.get(_inner(item))
                if outer is None or outer is here:
                    continue
                for name, items in [*outer.named.items(), *outer.globbed.items()]:
                    for one in list(items.values()):
                        is_new |= here.add(name, one, is_glob=True)
        return is_new

    def find(self, module: Path, name: str) -> list[Declared]:
        """What `name` means in a module; nothing where it comes from outside."""
        here = self._modules.get(module, _Module())
        return list((here.named.get(name) or here.globbed.get(name) or {}).values())

    def target(self, module: Path, segments: Path) -> list[Declared]:
        """What a path in a module leads to."""
        current: list[Path] = [module]
        rest = list(segments)
        while rest and rest[0] in ("crate", "self", "super", "$crate"):
            word = rest.pop(0)
            current = [() if word.endswith("crate") else current[0] if word == "self" else current[0][:-1]]
            if not rest:
                return self._module_items(current[0])
        found: list[Declared] = []
        for position, name in enumerate(rest):
            found = [item for place in current for item in self.find(place, name)]
            if not found and position == 0 and len(rest) == len(segments) and (name,) in self._modules:
                found = self.find((), name)  # Before 2018, paths of imports begin at the root.
            if position + 1 < len(rest):
                current = [_inner(item) for item in found if item.kind == "mod"]
                if not current:
                    return []
        return found

    def _module_items(self, path: Path) -> list[Declared]:
        if not path:
            return [Declared("mod", "", (), True, 1, path=self._target.root)]
        outer = self._modules.get(path[:-1], _Module())
        return [item for item in outer.declared if item.kind == "mod" and item.name == path[-1]]

    # --- the interface ---

    def interface(self) -> Interface:
        hidden = (item.name for items in self._by_name.values() for item in items if item.is_hidden)
        found = Interface(files=frozenset(self._files), hidden=frozenset(hidden))
        if self._target.kind == "proc-macro":
            for item in self._modules[()].declared:
                if item.kind == "macro" and item.is_exported and not item.is_hidden:
                    found.items[f"m:{item.name}"] = [item]
        else:
            for key, item in self._public():
                listed = found.items.setdefault(key, [])
                if all(identity(one) != identity(item) for one in listed):
                    listed.append(item)
            for items in self._by_name.values():
                for item in items:
                    if item.is_exported and not item.is_hidden:
                        found.items.setdefault(f"m:{item.name}", []).append(item)
        for key, listed in sorted(found.items.items(), key=lambda pair: (pair[0].count("::"), len(pair[0]))):
            for item in listed:
                found.home.setdefault(identity(item), key)
        self._members(found)
        return found

    def _public(self) -> Iterator[tuple[str, Declared]]:
        """Every public item under every path to it, the shortest first."""
        nothing: frozenset[str] = frozenset()
        todo: deque[tuple[Path, Path, frozenset[str]]] = deque([((), (), nothing)])
        shown: Counter[Path] = Counter()
        seen: set[tuple[Path, Path]] = set()
        while todo:
            module, path, flags = todo.popleft()
            # Modules that show each other have endlessly many paths; nobody uses more than a few of them.
            if module not in self._modules or (module, path) in seen or shown[module] >= _PATHS:
                continue
            seen.add((module, path))
            shown[module] += 1
            for name, item, more in self._shown(module):
                if name == "*" and item.kind == "mod":
                    todo.append((_inner(item), path, flags | more))
                    continue
                full = (*path, name if name != "*" else item.name)
                if item.kind == "macro" and item.is_exported and len(full) == 1:
                    continue
                yield f"{_namespace(item)}:{'::'.join(full)}", replace(item, flags=item.flags | flags | more)
                if item.kind == "mod" and item.name:
                    todo.append((_inner(item), full, flags | more))

    def _shown(self, module: Path) -> Iterator[tuple[str, Declared, frozenset[str]]]:
        """What a module itself shows, by name (`*` for all that is in it), and under which conditions."""
        for item in self._modules[module].declared:
            if item.is_public and not item.is_hidden and item.kind != "macro":
                yield item.name, item, frozenset()
        for use in self._modules[module].uses:
            if not use.is_public or use.name == "_":
                continue
            targets = self.target(module, use.target)
            if use.name != "*":
                # A name may mean a private thing of another kind as well.
                shown = [item for item in targets if item.is_public or item.is_exported or not item.name]
                other = replace(_outside(use), is_certain=False) if targets else _outside(use)
                yield from ((use.name, item, use.flags) for item in shown or [other])
            elif modules := [item for item in targets if item.kind == "mod"]:
                yield from (("*", item, use.flags) for item in modules)
            else:
                yield "*", replace(_outside(use), name=f"{use.target[-1]}::*"), use.flags

    def _members(self, found: Interface) -> None:
        for path, module in self._modules.items():
            for one in module.impls:
                owners = self._owners(path, one.owner, found)
                if not one.trait:
                    for key in owners:
                        listed = found.methods.setdefault(key, {})
                        for member in one.members:
                            if member.is_public:
                                method = Method(member, one.path, one.bounds, one.flags | member.flags)
                                listed.setdefault(member.name, []).append(method)
                elif self._is_visible(path, one, owners, found):
                    found.impls.setdefault(one.head, []).append(one)
        for key, items in found.items.items():
            for item in items:
                if found.home[identity(item)] == key:
                    for derived in item.derives:
                        head = f"{derived} for {item.name}"
                        one = Impl(item.module, item.name, derived, head, frozenset([derived, item.name]), item.line,
                                   flags=item.flags, path=item.path)  # fmt: skip
                        found.impls.setdefault(head, []).append(one)

    def _owners(self, module: Path, name: str, found: Interface) -> set[str]:
        """The public paths of the local types and traits that a name in a module means."""
        items = self.find(module, name) or (self._by_name.get(name, []) if self._is_only_type(name) else [])
        keys = (found.home.get(identity(item)) for item in items if item.kind in _TYPES)
        return {key for key in keys if key is not None}

    def _is_only_type(self, name: str) -> bool:
        return sum(item.kind in _TYPES for item in self._by_name.get(name, [])) == 1

    def _is_visible(self, module: Path, one: Impl, owners: set[str], found: Interface) -> bool:
        """Whether people outside can see the impl: its type is public or foreign, and so is its trait."""
        trait = one.trait.removeprefix("!")
        is_local_trait = any(item.kind == "trait" for item in self.find(module, trait))
        if is_local_trait and not self._owners(module, trait, found):
            return False
        is_local_type = any(item.kind in _TYPES for item in self.find(module, one.owner))
        if is_local_type or owners:
            return bool(owners)
        return is_local_trait or any(self._owners(module, name, found) for name in one.names if name.isidentifier())


def _namespace(item: Declared) -> str:
    return "v" if item.kind in ("fn", "const", "static") else "m" if item.kind == "macro" else "t"


def _outside(use: Use) -> Declared:
    """Something of another crate, or that a macro makes: only its path is known."""
    path = "::".join(use.target)
    return Declared(
        "re-export", use.name, use.module, True, use.line, Signature(shape=use.target),
        f"use {path}" + ("::*" if use.name == "*" else ""), use.flags, path=use.path,
        is_certain=use.target[0] not in ("crate", "self", "super"),
    )  # fmt: skip
