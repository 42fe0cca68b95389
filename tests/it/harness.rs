//! The real binary against a sandbox of its own, with nothing of the caller's environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cachectl_sandbox::{Options, Sandbox};
use serde_json::Value;

pub struct World {
    pub sandbox: Sandbox,
    pub dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(Options { time_scale: 0.0, ..Options::default() })
    }

    pub fn with(options: Options) -> Self {
        let sandbox = Sandbox::start_blocking(options).expect("a sandbox starts");
        Self { sandbox, dir: tempfile::tempdir().expect("a folder") }
    }

    /// Writes a spec and gives back its path.
    pub fn spec(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("the spec is written");
        path
    }

    pub fn command(&self) -> Command {
        let mut command = bare(self.dir.path());
        command
            .env("AWS_ENDPOINT_URL", self.sandbox.endpoint())
            .env("AWS_ACCESS_KEY_ID", "sandbox")
            .env("AWS_SECRET_ACCESS_KEY", "sandbox")
            .env("CACHECTL_POLL_INTERVAL", "20ms");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }
}

/// The binary with an environment that leads nowhere.
pub fn bare(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachectl"));
    command
        .env_clear()
        .env("HOME", dir)
        .env("PATH", "/usr/bin:/bin")
        .env("COLUMNS", "100")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(std::process::Stdio::null());
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        Self {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        command.output().expect("the binary runs").into()
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "no `{text}` in\n{}", self.all());
        self
    }

    pub fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{}", self.stdout))
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A spec of one small group, with these further lines for the group.
pub fn small(lines: &str) -> String {
    format!(
        "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: A cache\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.t4g.small\n    numCacheClusters: 2\n    automaticFailoverEnabled: true\n    transitEncryptionEnabled: true\n{}",
        lines.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}
