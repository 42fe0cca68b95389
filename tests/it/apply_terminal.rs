//! Progress in a pseudo-terminal, narrow and wide, and on a pipe.

use std::process::Command;

use cachectl_sandbox::{Fault, Options};

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

/// Runs the rest of its arguments in a pseudo-terminal of the given width and kind, copies what it draws, and types
/// something once a question stands there.
const IN_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
columns, term, typed, command = int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3]), sys.argv[4:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.environ["TERM"] = term
    os.execv(command[0], command)
seen = b""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    if typed and b"accepted:" in seen:
        os.write(terminal, typed)
        typed = b""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn stack() -> Rig {
    // A second and a half to create a group.
    Rig::with(STACK, Options { time_scale: 0.005, ..Options::default() })
}

fn apply_in_a_terminal(rig: &Rig, columns: usize) -> Ran {
    in_a_terminal(rig, (columns, "xterm-256color"), "", &["apply", "--yes", "--no-smoke"])
}

/// What is typed is in hexadecimal.
fn in_a_terminal(rig: &Rig, (columns, kind): (usize, &str), typed: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("python3");
    command.args(["-c", IN_A_TERMINAL, &columns.to_string(), kind, typed, env!("CARGO_BIN_EXE_cachectl")]);
    Ran::of(&mut rig.within(command, arguments))
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

/// The rows of caches that are being created.
fn live(rows: &[String]) -> Vec<&str> {
    rows.iter().filter(|row| row.contains("creating")).map(|row| row.trim_end()).collect()
}

#[test]
fn a_terminal_shows_a_row_in_columns_for_each_resource_and_a_bar_over_all() {
    let ran = apply_in_a_terminal(&stack(), 120).exits(0);
    let rows = rows(&ran, 120);
    let shows = |parts: &[&str]| rows.iter().any(|row| parts.iter().all(|part| row.contains(part)));
    for (cache, nodes) in [("one", 2), ("two", 3)] {
        let row = format!("replicationGroup/terminal-{cache}   creating    0/{nodes} nodes   0:0");
        assert!(shows(&[&row, " of ~10 min   terminal-"]), "{row}: {rows:#?}");
    }
    assert!(shows(&["1/3 steps", " of ~10 min"]), "{rows:#?}");
    assert!(shows(&["[1/3] CreateCacheParameterGroup parameterGroup/terminal-params", "done in"]), "{rows:#?}");
}

#[test]
fn however_wide_the_terminal_is_a_resource_takes_one_row_and_all_rows_have_the_same_columns() {
    for columns in [40, 60, 80, 160] {
        let ran = apply_in_a_terminal(&stack(), columns).exits(0);
        let rows = rows(&ran, columns);
        let live = live(&rows);
        assert!(live.iter().any(|row| row.contains("terminal-two   creating    0/3")), "{rows:#?}");
        let at: std::collections::BTreeSet<_> = live.iter().filter_map(|row| row.find("creating  ")).collect();
        assert_eq!(at.len(), 1, "{columns}: {live:#?}");
        for row in live {
            // Braille patterns are the spinner; a row that begins with anything else is the rest of a longer line.
            let begins = row.chars().next().is_some_and(|first| ('\u{2800}'..='\u{28ff}').contains(&first));
            assert!(begins, "{columns}: `{row}` of {rows:#?}");
            assert_eq!(row.contains(" of ~10 min"), columns > 40, "{columns}: {row}");
        }
    }
}

#[test]
fn a_dumb_terminal_gets_plain_lines_between_the_plan_and_the_end() {
    let ran = in_a_terminal(&stack(), (100, "dumb"), "", &["apply", "--yes", "--no-smoke"]).exits(0);
    let (_, after) = ran.stdout.split_once("Plan: 3 to create").unwrap();
    let (between, _) = after.split_once("Applied: 3 steps.").unwrap();
    assert!(between.contains("replicationGroup/terminal-one   creating    0/2 nodes   0:0"), "{between}");
    assert!(between.contains("CreateReplicationGroup replicationGroup/terminal-two   done in"), "{between}");
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    assert!(between.lines().all(|line| line.trim_end().chars().count() <= 100), "{between}");
}

#[test]
fn ctrl_d_at_the_question_ends_its_line() {
    let rig = stack();
    let ran = in_a_terminal(&rig, (100, "xterm"), "04", &["apply", "--no-smoke"]).exits(1);
    assert!(ran.stdout.contains("accepted: \r\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("not confirmed: nothing was changed"), "{}", ran.stdout);
    assert_eq!(rig.writes(), [""; 0]);
}

#[test]
fn a_pipe_gets_plain_lines_one_for_each_change() {
    let ran = stack().apply().exits(0);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'), "{}", ran.stderr);
    let creating: Vec<_> =
        ran.stderr.lines().filter(|line| line.contains("terminal-one ") && line.contains("creating    0/2")).collect();
    assert_eq!(creating.len(), 1, "{}", ran.stderr);
    assert!(creating[0].contains("replicationGroup/terminal-one   creating    0/2 nodes   0:0"), "{}", creating[0]);
    assert!(ran.stderr.contains("CreateReplicationGroup replicationGroup/terminal-one   done in"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("CreateCacheParameterGroup").count(), 1, "{}", ran.stderr);
    // Where clients connect is told, although nobody tested it.
    assert!(
        ran.stdout.contains("replicationGroup/terminal-one, not tested\n  primary  master.terminal-one."),
        "{}",
        ran.stdout
    );
}

#[test]
fn aws_being_busy_is_told_once_however_often_it_says_so() {
    let rig = Rig::new(STACK);
    rig.apply().exits(0);
    rig.spec(&STACK.replace("description: One", "description: Another"));
    let busy = Fault::error(400, "InvalidReplicationGroupState", "Replication group must be in available state.");
    rig.sandbox.inject(busy.on("ModifyReplicationGroup").times(5));
    let ran = rig.apply().exits(0);
    assert_eq!(rig.called("ModifyReplicationGroup"), 6);
    assert_eq!(ran.stderr.matches("AWS is busy with it").count(), 1, "{}", ran.stderr);
}

#[test]
fn no_step_shows_an_event_of_the_step_before() {
    let rig = Rig::with(STACK, Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&STACK.replace("numCacheClusters: 2", "numCacheClusters: 3").replace("t4g.small", "t4g.medium"));
    let ran = rig.apply().exits(0);
    let steps: Vec<&str> = ran.stderr.lines().collect();
    let of_the_nodes = steps.iter().position(|line| line.contains("] IncreaseReplicaCount ")).unwrap();
    let of_the_type = steps
        .iter()
        .rposition(|line| {
            line.contains("] ModifyReplicationGroup replicationGroup/terminal-one") && !line.contains("done")
        })
        .unwrap();
    let (first, then) = (of_the_nodes.min(of_the_type), of_the_nodes.max(of_the_type));
    let before: Vec<&str> =
        steps[first..then].iter().filter_map(|line| line.split_once("event: ")).map(|(_, event)| event).collect();
    let own = |line: &&&str| line.contains("replicationGroup/terminal-one ");
    for line in steps[then..].iter().filter(own) {
        assert!(
            !before.iter().any(|event| line.ends_with(event)),
            "{line}: told before of the first step: {before:#?}"
        );
    }
}

#[test]
fn an_interrupt_tells_each_cache_once_and_counts_what_goes_on() {
    let rig = Rig::with(STACK, Options { time_scale: 0.02, ..Options::default() });
    rig.apply().exits(0);
    let mut running = rig.start(&["destroy", "--yes", "--allow", "delete:*"]);
    while rig.called("DeleteReplicationGroup") < 2 {
        rig.begun("DeleteReplicationGroup", &mut running);
    }
    rig.looked(2, &mut running);
    running.signal("INT");
    let ran = running.end().exits(130);
    let after = ran.all();
    let (_, after) = after.split_once("Still running in AWS").unwrap();
    for cache in ["terminal-one", "terminal-two"] {
        let told = ran.all().lines().filter(|line| line.contains("running in AWS") && line.contains(cache)).count();
        assert_eq!(told, 1, "{}", ran.all());
    }
    assert!(after.contains("Still running in AWS: 2. Not started: 1."), "{}", ran.all());
    assert!(!ran.all().contains("Applied: 0"), "{}", ran.all());
}
