//! A stack and what is done to it: applied, interrupted, killed, and looked at afterwards.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cachectl_sandbox::{Call, Options};

pub(crate) use crate::harness::Running;
use crate::harness::{Ran, World};

/// AWS's minutes become tenths of a second: a group takes 0.15 s to be created.
pub(crate) const QUICK: f64 = 0.0005;

/// A stack in a folder of its own.
pub(crate) struct Rig {
    world: World,
}

impl Deref for Rig {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Rig {
    pub(crate) fn new(spec: &str) -> Self {
        Self::with(spec, Options { time_scale: QUICK, ..Options::default() })
    }

    pub(crate) fn with(spec: &str, options: Options) -> Self {
        let rig = Self { world: World::with(options) };
        rig.spec(spec);
        rig
    }

    /// The stack from now on.
    pub(crate) fn spec(&self, spec: &str) {
        self.world.spec("cachectl.yaml", spec);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.within(Command::new(env!("CARGO_BIN_EXE_cachectl")), arguments)
    }

    /// The same for a program that starts cachectl.
    pub(crate) fn within(&self, mut command: Command, arguments: &[&str]) -> Command {
        let own = self.world.command();
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(arguments).current_dir(self.world.dir.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// One call of ElastiCache's query API, sent by hand, and what it answers.
    pub(crate) fn by_hand(&self, action: &str, more: &str) -> String {
        by_hand(&self.sandbox.endpoint(), action, more)
    }

    /// One call of CloudWatch's JSON API, sent by hand, and what it answers.
    pub(crate) fn at_cloudwatch(&self, action: &str, parameters: &serde_json::Value) -> String {
        let target = format!("x-amz-target: GraniteServiceVersion20100801.{action}\r\n");
        posted(&self.sandbox.endpoint(), "application/x-amz-json-1.0", &target, &parameters.to_string())
    }

    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "--yes", "--no-smoke"])
    }

    pub(crate) fn destroy(&self) -> Ran {
        self.run(&["destroy", "--yes", "--allow", "delete:*"])
    }

    /// A plan of the stack finds nothing to do.
    pub(crate) fn settled(&self) {
        let plan = self.run(&["plan", "--format", "json", "--show-unchanged"]).exits(0).json();
        assert_eq!(plan["steps"], serde_json::json!([]), "{plan:#}");
        assert_eq!(plan["orphans"], serde_json::json!([]), "{plan:#}");
    }

    /// How often an operation was called, whatever came of it.
    pub(crate) fn called(&self, operation: &str) -> usize {
        self.sandbox.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// How often it took effect, whether or not the answer arrived.
    pub(crate) fn accepted(&self, operation: &str) -> usize {
        let took_effect = |call: &&Call| call.status == 200 || call.error.as_deref() == Some("answer dropped");
        self.sandbox.calls().iter().filter(|call| call.operation == operation).filter(took_effect).count()
    }

    /// Calls that change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let reads = ["Describe", "List", "Get"];
        let calls = self.sandbox.calls().into_iter().map(|call| call.operation);
        calls.filter(|name| !reads.iter().any(|prefix| name.starts_with(prefix))).collect()
    }

    /// Waits until this operation was called.
    pub(crate) fn begun(&self, operation: &str, running: &mut Running) {
        let begun = Instant::now();
        while self.called(operation) == 0 {
            assert!(!running.ended(), "it ended without {operation}");
            assert!(begun.elapsed() < Duration::from_secs(60), "{operation} is not called within a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the groups were looked at this many more times.
    pub(crate) fn looked(&self, times: usize, running: &mut Running) {
        let (begun, before) = (Instant::now(), self.called("DescribeReplicationGroups"));
        while self.called("DescribeReplicationGroups") < before + times {
            assert!(!running.ended(), "it ended before it looked");
            assert!(begun.elapsed() < Duration::from_secs(60), "nobody looks within a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the sandbox has begun this many calls, or the command ended.
    pub(crate) fn reached(&self, calls: usize, running: &mut Running) -> bool {
        let begun = Instant::now();
        loop {
            if self.sandbox.calls().len() >= calls {
                return true;
            }
            if running.ended() {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "call {calls} is not made within a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The same at any endpoint.
pub(crate) fn by_hand(endpoint: &str, action: &str, more: &str) -> String {
    let body = format!("Action={action}&Version=2015-02-02&{more}");
    posted(endpoint, "application/x-www-form-urlencoded", "", &body)
}

fn posted(endpoint: &str, content_type: &str, headers: &str, body: &str) -> String {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: {content_type}\r\n{headers}authorization: AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/elasticache/aws4_request, SignedHeaders=host, Signature=0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
