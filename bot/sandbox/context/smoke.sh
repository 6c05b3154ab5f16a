# Proves the image in a container without a network: compiles, links, lints, formats and tests a small crate.
set -eu
test "$(id -u)" = 10001
test -z "$(find / -xdev -type f -perm /6000 2>/dev/null)"
git --version
rg --version | head -n 1
cmake --version | head -n 1
pkg-config --exists openssl
case "$(command -v cargo)" in /opt/rust/bin/*) ;; *) echo "cargo is not the real one"; exit 1 ;; esac

cd /workspace
echo 'int main() { return 0; }' > smoke.cc
c++ smoke.cc -o /tmp/smoke
/tmp/smoke
mkdir -p src
cat > Cargo.toml <<'EOF'
[package]
name = "smoke"
version = "0.1.0"
edition = "2021"
EOF
cat > src/lib.rs <<'EOF'
/// Doubles a number.
///
/// ```
/// assert_eq!(smoke::double(21), 42);
/// ```
pub fn double(number: u32) -> u32 {
    number * 2
}

#[test]
fn doubles() {
    assert_eq!(double(2), 4);
}
EOF
cat > src/main.rs <<'EOF'
fn main() {
    println!("smoke {}", smoke::double(21));
}
EOF
cargo fmt --check
cargo clippy --quiet --all-targets -- -D warnings
cargo test --quiet
test "$(cargo run --quiet)" = "smoke 42"
cargo --version
rustc --version
