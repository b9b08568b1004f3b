# The stages of CI that need nothing but Rust, in its order: cheapest first.
check: format clippy docs test

format:
    cargo fmt --check

clippy:
    cargo clippy --release --all-targets -- -D warnings

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

test:
    cargo test --release

# The first experiment, and its report.
quickstart:
    cargo run --release -- run experiments/quickstart.toml

# The report of RUN in a headless browser.
browser RUN="runs/quickstart":
    python3 tests/browser/report.py {{RUN}}/report.html {{RUN}}/line.jsonl {{RUN}}/report.png

# Every stage of CI (Debian): also a browser, published data and PyTorch.
ci:
    .ci/run
