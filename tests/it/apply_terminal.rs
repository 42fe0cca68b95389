//! Progress in a pseudo-terminal, narrow and wide, and on a pipe.

use std::process::Command;

use cachectl_sandbox::Options;

use crate::harness::Ran;
use crate::rig::Rig;

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: terminal
region: us-east-1
parameterGroups:
  terminal-params: {family: valkey7}
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

/// The rows that were drawn, without the controls. A live line is filled up to the last column, where
/// the terminal itself begins a new row.
fn rows(ran: &Ran, columns: usize) -> Vec<String> {
    let mut text = String::new();
    let mut rest = ran.stdout.chars();
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
    let rows = text.split(['\n', '\r']).flat_map(|line| {
        let letters: Vec<char> = line.chars().collect();
        letters.chunks(columns).map(String::from_iter).collect::<Vec<_>>()
    });
    rows.collect()
}

#[test]
fn a_terminal_shows_a_line_for_each_resource_and_a_bar_over_all() {
    let ran = apply_in_a_terminal(&stack(), 120).exits(0);
    let rows = rows(&ran, 120);
    let shows = |parts: &[&str]| rows.iter().any(|row| parts.iter().all(|part| row.contains(part)));
    assert!(shows(&["replicationGroup/terminal-one", "creating, 0/2 available"]), "{rows:#?}");
    assert!(shows(&["replicationGroup/terminal-two", "creating, 0/3 available"]), "{rows:#?}");
    assert!(shows(&["1/3 steps"]), "{rows:#?}");
    assert!(shows(&["[1/3] CreateCacheParameterGroup parameterGroup/terminal-params", "done in"]), "{rows:#?}");
}

#[test]
fn however_narrow_the_terminal_is_a_resource_takes_one_row_and_its_state_is_seen() {
    for columns in [40, 60] {
        let ran = apply_in_a_terminal(&stack(), columns).exits(0);
        let rows = rows(&ran, columns);
        let live: Vec<&String> = rows.iter().filter(|row| row.contains("creating")).collect();
        assert!(live.iter().any(|row| row.contains("terminal-two   creating") && row.contains("0/3")), "{rows:#?}");
        for row in live {
            // Braille patterns are the spinner; a row that begins with anything else is the rest of a longer line.
            let begins = row.chars().next().is_some_and(|first| ('\u{2800}'..='\u{28ff}').contains(&first));
            assert!(begins, "{columns}: `{row}` of {rows:#?}");
        }
    }
}

#[test]
fn a_pipe_gets_plain_lines_one_for_each_change() {
    let ran = stack().apply().exits(0);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'), "{}", ran.stderr);
    let creating = "terminal-one   creating, 0/2 available, terminal-one-001 creating";
    assert_eq!(ran.stderr.matches(creating).count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("CreateReplicationGroup replicationGroup/terminal-one   done in"), "{}", ran.stderr);
}
