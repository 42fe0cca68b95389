//! The commands of the book do what its pages say: each page that has marks is carried out against the sandbox, and what
//! a page shows of an output must stand in it.
//!
//! Marks are comments that the reader of a page does not see. On the line before a block: `<!-- run -->` or
//! `<!-- run: EXIT -->` carries out its commands; `<!-- file: NAME -->` writes it; `<!-- change -->` merges it over
//! `cachectl.yaml`. By themselves: `<!-- given: NAME`, lines, `-->` writes a file; `<!-- sh: COMMAND -->` runs one;
//! `<!-- secret: NAME VALUE -->` sets a secret; `<!-- spec: PATH -->` takes one of the repository as `cachectl.yaml`; `<!-- terraform -->` puts a `terraform` there that has a state to show.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Ran, World};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A world with the program in its path, in which a page is carried out.
struct Reader {
    world: World,
    page: String,
    commands: usize,
}

impl Reader {
    fn new(page: &str) -> Self {
        let world = World::new();
        let bin = world.dir.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cachectl"), bin.join("cachectl")).expect("a link");
        Self { world, page: page.to_owned(), commands: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    fn sh(&self, line: &str) -> Ran {
        let mut command = Command::new("sh");
        let own = self.world.command();
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.env("AWS_REGION", "us-east-1").current_dir(self.world.dir.path()).stdin(Stdio::null());
        Ran::of(command.args(["-c", line]))
    }

    /// A hidden command, which has to work.
    fn prepare(&self, line: &str) {
        let ran = self.sh(line);
        assert_eq!(ran.code, 0, "{}: {line}\n{}", self.page, ran.all());
    }

    fn mark(&mut self, mark: &str) {
        if let Some(line) = mark.strip_prefix("sh: ") {
            self.prepare(line);
        } else if let Some(secret) = mark.strip_prefix("secret: ") {
            let (name, value) = secret.split_once(' ').expect("a name and a value");
            self.world.sandbox.set_secret(name, value);
        } else if let Some(spec) = mark.strip_prefix("spec: ") {
            self.write("cachectl.yaml", &std::fs::read_to_string(root().join(spec)).expect("a spec"));
        } else if mark == "terraform" {
            self.write("cachectl.yaml", super::import_terraform::LIVE);
            self.prepare("cachectl apply --yes --no-smoke && rm cachectl.yaml");
            self.write("state.json", super::import_terraform::STATE);
            self.write("bin/terraform", "#!/bin/sh\nexec cat state.json\n");
            self.prepare("chmod +x bin/terraform");
        } else {
            panic!("{}: no such mark: {mark}", self.page);
        }
    }

    fn block(&mut self, mark: &str, text: &str) {
        if let Some(name) = mark.strip_prefix("file: ") {
            self.write(name, text);
        } else if mark == "change" {
            self.write("change.yaml", text);
            self.prepare("cachectl render --overlay change.yaml > changed && mv changed cachectl.yaml");
        } else if let Some(code) = mark.strip_prefix("run") {
            let code = code.trim_start_matches(':').trim();
            let code: i32 = if code.is_empty() { 0 } else { code.parse().expect("an exit code") };
            for (line, shown) in typed(text) {
                let ran = self.sh(&line);
                assert_eq!(ran.code, code, "{}: {line}\n{}", self.page, ran.all());
                let told: Vec<String> = ran.all().lines().map(plain).collect();
                for shown in &shown {
                    assert!(told.contains(&plain(shown)), "{}: {line}\nno `{shown}` in\n{}", self.page, ran.all());
                }
                self.commands += 1;
            }
        } else {
            panic!("{}: no such mark: {mark}", self.page);
        }
    }
}

/// Times differ from run to run; how many spaces there are is not what a page shows.
fn plain(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':'));
    for at in 0..words.len() {
        let in_seconds = words.get(at + 1) == Some(&"s") && is_number(words[at]);
        if in_seconds || (words[at].contains(':') && is_number(words[at])) {
            words[at] = "TIME";
        }
    }
    words.join(" ")
}

/// Each command of a block, continued lines joined, with what is shown below it; `...` stands for what is left out.
fn typed(block: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.replace("\\\n", " ").lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            // What stands behind ` # ` is for the reader.
            (Some(command), _) => {
                let command = command.split_once(" # ").map_or(command, |(command, _)| command);
                found.push((command.to_owned(), Vec::new()));
            }
            (None, Some((_, shown))) if !line.trim().is_empty() && line.trim() != "..." => shown.push(line.to_owned()),
            _ => {}
        }
    }
    found
}

/// Carries out the page, and says how many commands it has.
fn carried_out(page: &str) -> usize {
    let text = std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let mut reader = Reader::new(page);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(mark) = line.trim().strip_prefix("<!-- ") else { continue };
        if let Some(name) = mark.strip_prefix("given: ") {
            let given: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "-->").collect();
            reader.write(name, &(given.join("\n") + "\n"));
            continue;
        }
        let mark = mark.trim_end_matches("-->").trim();
        let fence = lines.peek().copied().unwrap_or_default();
        if !fence.trim_start().starts_with("```") {
            reader.mark(mark);
            continue;
        }
        lines.next();
        // A block in a list is indented as its fence is.
        let indent = fence.len() - fence.trim_start().len();
        let block = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
        let block: String = block.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
        reader.block(mark, &block);
    }
    reader.commands
}

#[test]
fn the_first_stack_is_as_the_page_says() {
    assert!(carried_out("docs/first-stack.md") >= 12);
}

#[test]
fn the_readme_shows_what_happens() {
    assert!(carried_out("README.md") >= 8);
}

#[test]
fn guides_to_changes_of_a_cache_do_what_they_say() {
    for guide in ["engine-upgrade", "move-to-valkey", "turn-on-tls", "rotate-a-token", "reshard"] {
        assert!(carried_out(&format!("docs/guides/{guide}.md")) >= 2, "{guide}");
    }
}

#[test]
fn guides_from_elsewhere_and_to_pipelines_do_what_they_say() {
    for guide in ["adopt", "terraform", "cloudformation", "ci", "environments"] {
        assert!(carried_out(&format!("docs/guides/{guide}.md")) >= 2, "{guide}");
    }
}
