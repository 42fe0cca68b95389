//! Many groups, and how fast the sandbox itself is. The bounds are wide enough for a busy machine.

use std::time::{Duration, Instant};

use crate::client::Aws;

#[test]
fn a_thousand_groups_are_there_in_two_seconds() {
    let began = Instant::now();
    let aws = Aws::instant();
    assert!(began.elapsed() < Duration::from_millis(500), "start-up took {:?}", began.elapsed());
    let began = Instant::now();
    let reply = aws.door("POST", "seed", r#"{"groups": 1000, "tags": {"cachectl:stack": "many"}}"#);
    assert_eq!(reply.text(), r#"{"groups":1000}"#);
    assert!(began.elapsed() < Duration::from_secs(2), "seeding took {:?}", began.elapsed());
    let began = Instant::now();
    for number in 1..=50 {
        aws.describe(&format!("seed-{:04}", number * 20));
    }
    let each = began.elapsed() / 50;
    assert!(each < Duration::from_millis(20), "one describe took {each:?}");
    assert_eq!(aws.call("DescribeReplicationGroups", "").all("ReplicationGroupId").len(), 100);
}
