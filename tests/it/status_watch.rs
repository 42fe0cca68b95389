//! `status --watch`.

use crate::harness::small;
use crate::rig::Rig;

#[test]
fn a_watched_stack_is_read_again_until_somebody_has_seen_enough() {
    let rig = Rig::new(&small(""));
    rig.apply().exits(0);
    rig.sandbox.clear_calls();
    let mut running = rig.start(&["status", "--watch", "--format", "json"]);
    let begun = std::time::Instant::now();
    while rig.called("DescribeReplicationGroups") < 3 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", rig.sandbox.calls());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.signal("INT");
    let ran = running.end().exits(130);
    let documents: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect("one document a line")).collect();
    assert!(documents.len() >= 2, "{}", ran.stdout);
    assert_eq!(documents[0]["stack"], "small");
    assert_eq!(rig.writes(), Vec::<String>::new());
}

#[test]
fn a_watched_table_says_when_it_was_read() {
    let rig = Rig::new(&small(""));
    rig.apply().exits(0);
    rig.sandbox.clear_calls();
    let mut running = rig.start(&["status", "--watch"]);
    rig.looked(2, &mut running);
    running.signal("INT");
    let ran = running.end().exits(130);
    let read = ran.stdout.lines().find(|line| line.contains("Read ")).expect("a line of what was read");
    let (_, when) = read.rsplit_once(", at ").expect(read);
    assert!(when.starts_with("20") && when.ends_with('Z'), "{read}");
}
