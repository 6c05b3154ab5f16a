"""The oracle player's stubs: signatures that let tests compile before anything is behind them."""

from __future__ import annotations

from simulator.player.stubs import with_additions, with_stubs
from simulator.trees import File, Tree

OLD = """//! Pairs.

pub struct Pair {
    left: u32,
}

impl Pair {
    pub fn left(&self) -> u32 {
        self.left
    }
}
"""
TESTS = """
#[cfg(test)]
mod tests {
    #[test]
    fn swaps() {}
}
"""
NEW = """//! Pairs.

pub struct Pair {
    both: [u32; 2],
}

impl Pair {
    pub fn left(&self) -> u32 {
        self.both[0]
    }

    /// The other one.
    ///
    /// ```
    /// assert_eq!(1, 1);
    /// ```
    #[must_use]
    pub fn right(&self) -> u32 {
        self.both[1]
    }

    fn hidden(&self) {}
}

impl Pair {
    pub fn swap(self) -> Self {
        self
    }
}

/// Makes one.
pub fn pair() -> Pair {
    Pair { both: [1, 2] }
}
"""


def tree(text: str) -> Tree:
    return {"src/lib.rs": File(text.encode())}


def test_public_functions_are_added_to_what_was_there_where_what_is_behind_them_changes_too() -> None:
    added = with_additions(tree(OLD + TESTS), tree(NEW + TESTS))
    assert added is not None
    assert added["src/lib.rs"].text == (
        OLD.replace(
            "        self.left\n    }\n}",
            "        self.left\n    }\n\n    /// The other one.\n    #[must_use]\n    pub fn right(&self) -> u32 {\n"
            "        todo!()\n    }\n\n    pub fn swap(self) -> Self {\n        todo!()\n    }\n}",
        )
        + "\n/// Makes one.\npub fn pair() -> Pair {\n    todo!()\n}\n"
        + TESTS
    )


def test_a_block_that_was_not_there_comes_with_its_new_functions() -> None:
    old = "pub struct A;\n"
    added = with_additions(tree(old), tree(f"{old}\nimpl A {{\n    pub fn b() -> A {{\n        A\n    }}\n}}\n"))
    assert added is not None
    assert added["src/lib.rs"].text == f"{old}\nimpl A {{\n    pub fn b() -> A {{\n        todo!()\n    }}\n}}\n"


def test_without_a_new_public_function_there_is_nothing_to_add() -> None:
    assert with_additions(tree(OLD), tree(OLD.replace("self.left\n", "self.left + 0\n"))) is None


def test_where_only_functions_differ_the_old_ones_do_what_they_did() -> None:
    stubbed = with_stubs(tree(OLD), tree(OLD), tree(OLD + "\npub fn more() -> u32 {\n    7\n}\n"))
    assert stubbed is not None
    assert stubbed["src/lib.rs"].text == OLD + "\npub fn more() -> u32 {\n    todo!()\n}\n"
