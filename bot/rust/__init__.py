"""What is known of Rust: CI discovery, the check ladder, diagnostics, tests. Pure: text and values in, values out."""
