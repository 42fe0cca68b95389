//! The real binary against a sandbox of its own, with nothing of the caller's environment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use cachectl_sandbox::{Options, Sandbox};
use serde_json::Value;

/// No command of these tests takes this long, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct World {
    pub sandbox: Sandbox,
    pub dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options { time_scale: 0.0, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let sandbox = Sandbox::start_blocking(options).expect("a sandbox starts");
        Self { sandbox, dir: tempfile::tempdir().expect("a folder") }
    }

    /// Writes a spec and gives back its path.
    pub(crate) fn spec(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("the spec is written");
        path
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = bare(self.dir.path());
        command
            .env("AWS_ENDPOINT_URL", self.sandbox.endpoint())
            .env("AWS_ACCESS_KEY_ID", "sandbox")
            .env("AWS_SECRET_ACCESS_KEY", "sandbox")
            .env("CACHECTL_POLL_INTERVAL", "20ms");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }
}

/// The binary with an environment that leads nowhere.
pub(crate) fn bare(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachectl"));
    command
        .env_clear()
        .env("HOME", dir)
        .env("PATH", "/usr/bin:/bin")
        .env("COLUMNS", "100")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(Stdio::null());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
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
    pub(crate) fn of(command: &mut Command) -> Self {
        Running::start(command).end()
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "no `{text}` in\n{}", self.all());
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{}", self.stdout))
    }
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A spec of one small group, with these further lines for the group.
pub(crate) fn small(lines: &str) -> String {
    format!(
        "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: A cache\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.t4g.small\n    numCacheClusters: 2\n    automaticFailoverEnabled: true\n    transitEncryptionEnabled: true\n{}",
        lines.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}

/// A command under way; it ends with the test.
pub(crate) struct Running(Option<Child>);

impl From<Child> for Running {
    fn from(child: Child) -> Self {
        Self(Some(child))
    }
}

impl Running {
    /// Starts the command with its output held back for the end.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")))
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub(crate) fn ended(&mut self) -> bool {
        self.child().try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(mut self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// `INT`, `TERM`, `HUP`.
    pub(crate) fn signal(&mut self, name: &str) {
        let pid = self.child().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end, which has to come.
    pub(crate) fn end(mut self) -> Ran {
        let child = self.0.take().unwrap();
        let pid = child.id().to_string();
        let (ended, watch) = mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            let late = watch.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                let _ = Command::new("kill").args(["-s", "KILL", &pid]).status();
            }
            late
        });
        let ran = Ran::from(child.wait_with_output().unwrap());
        drop(ended);
        assert!(!watchdog.join().unwrap(), "it does not end:\n{}", ran.all());
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
