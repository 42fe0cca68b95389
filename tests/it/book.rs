//! The book: its pages are listed, its links lead somewhere, its commands are commands, and those of the first
//! stack do what the page says, against the sandbox. `CACHECTL_BLESS=1` writes the generated pages anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cachectl::cli::args::Cli;
use cachectl::cli::exit::Exit;
use cachectl::lint::{elsewhere, rules::RULES};
use clap::Parser;

use crate::harness::{Ran, World};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("localstack/README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("docs") {
            let path = entry.expect("a page").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `[words](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let plain: String = line.split('`').step_by(2).collect();
        for part in plain.split("](").skip(1).filter(|_| !in_code) {
            found.extend(part.split(')').next().map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        for link in links(&text(&page)) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.starts_with("http") {
                continue;
            }
            let path = page.parent().expect("a folder").join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let docs = root().join("docs");
    let listed: BTreeSet<PathBuf> = links(&text(&docs.join("SUMMARY.md"))).iter().map(|link| docs.join(link)).collect();
    for page in pages().iter().filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md")) {
        assert!(listed.contains(page), "{} is not in docs/SUMMARY.md", page.display());
    }
}

/// The lines that somebody types, continued lines joined.
fn typed(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    joined.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")).map(str::to_owned).collect()
}

/// Blocks of ```console, with the line before them.
fn consoles(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut before = String::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match &mut block {
            Some(lines) if line.trim_start().starts_with("```") => {
                found.push((std::mem::take(&mut before), std::mem::take(lines)));
                block = None;
            }
            Some(lines) => {
                lines.push_str(line);
                lines.push('\n');
            }
            None if line.trim_start().starts_with("```console") => block = Some(String::new()),
            None => before = line.trim().to_owned(),
        }
    }
    found
}

/// The words of a command line, as far as the docs use quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '#' | '|' | '>' | '<' | '&' | ';') if word.is_empty() => break,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[test]
fn every_command_in_the_docs_is_one() {
    let mut seen = 0;
    for page in pages() {
        for (_, block) in consoles(&text(&page)) {
            for line in typed(&block).iter().filter(|line| line.starts_with("cachectl ")) {
                let outcome = Cli::try_parse_from(words(line));
                assert!(
                    outcome.is_ok(),
                    "{}: {line}\n{}",
                    page.display(),
                    outcome.err().map_or(String::new(), |error| error.to_string())
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_first_stack_is_as_the_page_says() {
    let world = World::new();
    let binary = Path::new(env!("CARGO_BIN_EXE_cachectl"));
    let mut ran = 0;
    for (before, block) in consoles(&text(&root().join("docs/first-stack.md"))) {
        let Some(marked) = before.strip_prefix("<!-- run") else { continue };
        let code: i32 = marked.trim_matches([':', ' ', '-', '>']).parse().unwrap_or(0);
        for line in typed(&block) {
            let mut command = Command::new("sh");
            let own = world.command();
            command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("PATH", format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display()));
            command.env("AWS_REGION", "us-east-1").current_dir(world.dir.path()).stdin(Stdio::null());
            Ran::of(command.args(["-c", &line])).exits(code);
            ran += 1;
        }
    }
    assert!(ran >= 12, "{ran}");
}

#[test]
fn the_night_watch_tells_drift_by_its_exit_code() {
    let world = World::new();
    let spec = |retention: u8| crate::harness::small(&format!("snapshotRetentionLimit: {retention}"));
    world.spec("cachectl.yaml", &spec(1));
    let watch = || {
        let mut command = Command::new("bash");
        let own = world.command();
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("CACHECTL", env!("CARGO_BIN_EXE_cachectl")).current_dir(world.dir.path()).stdin(Stdio::null());
        Ran::of(command.arg(root().join("localstack/drift.sh")).arg("cachectl.yaml"))
    };
    watch().exits(2).says("### cachectl plan: `small`").says("Drift:");
    world
        .run(&["apply", world.dir.path().join("cachectl.yaml").to_str().expect("a path"), "--yes", "--no-smoke"])
        .exits(0);
    watch().exits(0).says("No drift.");
    world.spec("cachectl.yaml", &spec(2));
    watch().exits(2);
    world.spec("cachectl.yaml", "stack: [");
    watch().exits(78).says("exit code 78");
}

fn is_current(page: &str, found: &str) {
    let path = root().join("docs").join(page);
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(&path, found).expect("a writable folder");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == found, "docs/{page} is not current: CACHECTL_BLESS=1 cargo test --test it book");
}

#[test]
fn the_pages_of_lint_rules_and_exit_codes_are_current() {
    let mut lint = String::from(
        "# Lint rules\n\nBest practice, checked by `validate` and shown in plans. `policy: {lint: {RULE: error | warn | info | none}}` sets a\nseverity, `policy: {waivers: [...]}` leaves a rule out for some resources, with a reason and a last day. Made from the\ncode by `CACHECTL_BLESS=1 cargo test`.\n\n| rule | default | why | elsewhere |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        let severity = rule.severity.map_or_else(|| "none".to_owned(), |severity| severity.to_string());
        let _ = writeln!(lint, "| `{}` | {severity} | {} | {} |", rule.id, rule.why, elsewhere::of(rule.id));
    }
    is_current("reference/lint.md", &lint);
    let mut exits = String::from(
        "# Exit codes\n\nWith several stacks the worst wins, in this order: 130, 1, 78, 6, 4, 3, 5, 7, 2, 0. Made from the code by\n`CACHECTL_BLESS=1 cargo test`.\n\n| exit | meaning | what to do |\n|---|---|---|\n",
    );
    for exit in Exit::ALL {
        let _ = writeln!(exits, "| {} | {} | {} |", exit.code(), exit.meaning(), exit.advice());
    }
    is_current("reference/exit-codes.md", &exits);
}
