//! Which commit a release was built from, for `cachectl --version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CACHECTL_COMMIT");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // While people work on it, each commit would build everything anew.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // Packagers build from an archive: they say it.
    let commit = std::env::var("CACHECTL_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = commit.or_else(|| is_release.then(of_git).flatten());
    let version = match commit {
        Some(commit) => format!("{version} ({commit})"),
        None if is_release => version,
        None => format!("{version} (development build)"),
    };
    println!("cargo::rustc-env=CACHECTL_VERSION={version}");
}

/// Short hash and date of the commit.
fn of_git() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["log", "-1", "--format=%h %cs"])
}
