"""Clippy's own fixes, applied where they are safe: on lines of the change, whole, and never where they would hide a mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bot.domain import Diagnostic, Fix, Level

# Clippy reports these where the code does not do what was meant: with the fix the finding goes and the mistake stays.
# rustc's own lints (unused variables, results that nobody looks at, dead code) are of that kind altogether.
HIDING = frozenset(
    f"clippy::{name}"
    for name in """absurd_extreme_comparisons almost_swapped approx_constant bad_bit_mask cast_slice_different_sizes
    deprecated_semver derive_ord_xor_partial_ord derived_hash_with_manual_eq diverging_sub_expression double_comparisons
    drop_non_drop duplicate_underscore_argument eq_op erasing_op if_let_mutex if_same_then_else ifs_same_cond
    ineffective_bit_mask infallible_try_from inherent_to_string_shadow_display invalid_regex iter_next_loop
    let_underscore_lock let_underscore_future let_unit_value min_max mistyped_literal_suffixes modulo_one mut_range_bound
    needless_bool never_loop no_effect no_effect_underscore_binding nonsensical_open_options op_ref overly_complex_bool_expr
    possible_missing_comma precedence question_mark_used redundant_clone redundant_locals reversed_empty_ranges
    self_assignment suspicious_arithmetic_impl suspicious_assignment_formatting suspicious_else_formatting
    suspicious_map suspicious_op_assign_impl suspicious_unary_op_formatting unit_arg unit_cmp unnecessary_operation
    unused_io_amount unused_unit while_immutable_condition zero_repeat_side_effects""".split()  # noqa: SIM905 - a table of words
)


@dataclass(frozen=True, slots=True)
class Applied:
    """The files as they are with the fixes, and each finding that is mended by them."""

    files: Mapping[str, bytes]
    mended: tuple[Diagnostic, ...]


def apply_fixes(diagnostics: Iterable[Diagnostic], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Applied:
    """Apply what clippy is certain of (`MachineApplicable`) to `after`, the workspace's files by path.

    `before` is the base: only findings all of whose fixes lie on lines that are new or changed against it are mended. Of two
    that overlap the first is mended, and the other one shows up again.
    """
    touched = {path: changed_lines(before.get(path, b""), content) for path, content in after.items()}
    chosen: dict[str, list[Fix]] = {}
    mended = []
    for diagnostic in diagnostics:
        is_safe = diagnostic.fixes and diagnostic.code.startswith("clippy::") and diagnostic.code not in HIDING
        if not is_safe or any(
            fix.path not in after or not _lines(after[fix.path], fix) <= touched[fix.path] for fix in diagnostic.fixes
        ):
            continue
        if any(_overlap(fix, other) for fix in diagnostic.fixes for other in chosen.get(fix.path, ())):
            continue
        for fix in diagnostic.fixes:
            chosen.setdefault(fix.path, []).append(fix)
        mended.append(diagnostic)
    return Applied({path: _replaced(after[path], fixes) for path, fixes in chosen.items()}, tuple(mended))


def changed_lines(before: bytes, after: bytes) -> frozenset[int]:
    """The lines of `after`, counted from 0, that `before` does not have."""
    old, new = before.splitlines(), after.splitlines()
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    kept = {line for block in blocks for line in range(block.b, block.b + block.size)}
    return frozenset(range(len(new))) - kept


def may_fix(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether there is anything to apply at all."""
    return any(item.fixes and item.level in (Level.ERROR, Level.WARNING) for item in diagnostics)


def _lines(content: bytes, fix: Fix) -> set[int]:
    first = content.count(b"\n", 0, fix.start)
    return set(range(first, first + content.count(b"\n", fix.start, max(fix.start, fix.end - 1)) + 1))


def _overlap(one: Fix, other: Fix) -> bool:
    return one.start < other.end and other.start < one.end or one.start == other.start


def _replaced(content: bytes, fixes: Sequence[Fix]) -> bytes:
    for fix in sorted(fixes, key=lambda fix: fix.start, reverse=True):
        content = content[: fix.start] + fix.text.encode() + content[fix.end :]
    return content
