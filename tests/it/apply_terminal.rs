//! Progress in a pseudo-terminal, narrow and wide, and on a pipe.

use std::process::Command;

use cachectl_sandbox::Options;

use crate::harness::Ran;
use crate::rig::Rig;

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: terminal
region: us-east-1
replicationGroups:
  terminal-one: {description: One, engine: valkey, engineVersion: "7.2", cacheNodeType: cache.t4g.small, numCacheClusters: 2, automaticFailoverEnabled: true, transitEncryptionEnabled: true}
  terminal-two: {description: Two, engine: valkey, engineVersion: "7.2", cacheNodeType: cache.t4g.small, numCacheClusters: 3, automaticFailoverEnabled: true, transitEncryptionEnabled: true}
"#;

/// Runs the rest of its arguments in a pseudo-terminal of the given width, and copies what it draws.
const IN_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.environ["TERM"] = "xterm-256color"
    os.execv(command[0], command)
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn stack() -> Rig {
    // A second and a half to create a group.
    Rig::with(STACK, Options { time_scale: 0.005, ..Options::default() })
}

fn apply_in_a_terminal(rig: &Rig, columns: usize) -> Ran {
    let mut command = Command::new("python3");
    command.args(["-c", IN_A_TERMINAL, &columns.to_string(), env!("CARGO_BIN_EXE_cachectl")]);
    rig.within(command, &["apply", "--yes", "--no-smoke"]).output().unwrap().into()
}

/// What was drawn, without the controls: everything between two moves of the cursor to another line.
fn drawn(ended: &Ran) -> Vec<String> {
    let mut text = String::new();
    let mut rest = ended.stdout.chars();
    while let Some(next) = rest.next() {
        if next != '\u{1b}' {
            text.push(next);
            continue;
        }
        // A control sequence: `[`, parameters, a letter.
        if let Some(last) = rest.by_ref().skip(1).find(|letter| letter.is_ascii_alphabetic())
            && last != 'm'
        {
            text.push('\n');
        }
    }
    text.split(['\n', '\r']).map(str::to_owned).collect()
}

#[test]
fn a_terminal_shows_a_line_for_each_resource_and_a_bar_over_all() {
    let ended = apply_in_a_terminal(&stack(), 120).exits(0);
    let lines = drawn(&ended);
    let shows = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(shows(&["replicationGroup/terminal-one", "creating, 0/2 available"]), "{lines:#?}");
    assert!(shows(&["replicationGroup/terminal-two", "creating, 0/3 available"]), "{lines:#?}");
    assert!(shows(&["0/2 steps"]) && shows(&["1/2 steps"]), "{lines:#?}");
    assert!(shows(&["done in"]), "{lines:#?}");
}

#[test]
fn nothing_that_is_drawn_is_wider_than_the_terminal() {
    for columns in [40, 72] {
        let rig = stack();
        let ended = apply_in_a_terminal(&rig, columns).exits(0);
        let lines = drawn(&ended);
        // What is printed before and after, the plan and the result, goes to stdout in its own width.
        let live: Vec<&String> =
            lines.iter().filter(|line| line.contains("terminal-") && line.contains("creating")).collect();
        assert!(!live.is_empty(), "{lines:#?}");
        for line in live {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn a_pipe_gets_plain_lines_one_for_each_change() {
    let ended = stack().apply().exits(0);
    assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains('\r'), "{}", ended.stderr);
    let creating = "terminal-one   creating, 0/2 available, terminal-one-001 creating";
    assert_eq!(ended.stderr.matches(creating).count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("[1/2] CreateReplicationGroup replicationGroup/terminal-one   done in"));
}
