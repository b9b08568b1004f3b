//! Tells the program which commit it is built from, where git knows, and whether it knows any GPU.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn main() {
    // A commit changes the log of HEAD; without one (a source package) build once.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
    println!("cargo::rerun-if-changed={}", log.as_deref().unwrap_or("build.rs"));
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo::rustc-env=LOSSWALK_COMMIT={commit}");
    }
    println!("cargo::rustc-check-cfg=cfg(gpu)");
    let has = |feature: &&str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if ["CUDA", "VULKAN", "WGPU"].iter().any(has) {
        println!("cargo::rustc-cfg=gpu");
    }
}
