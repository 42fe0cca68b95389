//! Faults on request, and the log of calls.

use std::time::{Duration, Instant};

use cachectl_sandbox::Fault;

use crate::client::Aws;

#[test]
fn throttling_ends_after_its_count() {
    let aws = Aws::instant();
    aws.sandbox.inject(Fault::throttle().on("DescribeReplicationGroups").times(2));
    for _ in 0..2 {
        assert_eq!(aws.refused("DescribeReplicationGroups", ""), "Throttling: Rate exceeded");
    }
    aws.call("DescribeReplicationGroups", "");
    let errors: Vec<Option<String>> = aws.sandbox.calls().into_iter().map(|call| call.error).collect();
    assert_eq!(errors, [Some("Throttling".into()), Some("Throttling".into()), None]);
}

#[test]
fn errors_have_the_status_of_their_kind() {
    let aws = Aws::instant();
    for (effect, status, code) in [
        ("\"internal-error\"", 500, "InternalFailure"),
        ("\"unavailable\"", 503, "ServiceUnavailable"),
        ("\"access-denied\"", 403, "AccessDenied"),
    ] {
        let body = format!(r#"{{"clear": true, "faults": [{{"effect": {effect}, "operation": "DescribeUsers"}}]}}"#);
        assert_eq!(aws.door("POST", "faults", &body).status, 200);
        let reply = aws.try_call("DescribeUsers", "").expect("an answer");
        assert_eq!((reply.status, reply.one("Code").as_str()), (status, code));
        aws.call("DescribeUserGroups", "");
    }
    aws.door("DELETE", "faults", "");
    aws.call("DescribeUsers", "");
}

#[test]
fn any_error_can_be_ordered() {
    let aws = Aws::instant();
    let text = "The customer has exceeded the node quota of 300 nodes.";
    aws.sandbox.inject(Fault::error(400, "NodeQuotaForCustomerExceeded", text).on("IncreaseReplicaCount"));
    let error = aws.refused("IncreaseReplicaCount", "ReplicationGroupId=any");
    assert_eq!(error, format!("NodeQuotaForCustomerExceeded: {text}"));
    let typo = r#"{"faults": [{"effect": "throttle", "operations": "DescribeUsers"}]}"#;
    assert_eq!(aws.door("POST", "faults", typo).status, 400);
}

#[test]
fn a_dropped_answer_has_taken_effect() {
    let aws = Aws::instant();
    aws.sandbox.inject(Fault::drop_answer().on("CreateReplicationGroup").times(1));
    let basics =
        "ReplicationGroupId=lost&ReplicationGroupDescription=d&CacheNodeType=cache.r7g.large&NumCacheClusters=1";
    assert!(aws.try_call("CreateReplicationGroup", basics).is_err());
    assert_eq!(aws.status("lost"), "available");
}

#[test]
fn a_refused_connection_has_no_effect() {
    let aws = Aws::instant();
    aws.sandbox.inject(Fault::refuse_connection().times(1));
    let basics =
        "ReplicationGroupId=never&ReplicationGroupDescription=d&CacheNodeType=cache.r7g.large&NumCacheClusters=1";
    assert!(aws.try_call("CreateReplicationGroup", basics).is_err());
    assert_eq!(aws.status("never"), "ReplicationGroupNotFoundFault");
}

#[test]
fn stale_reads_answer_from_the_past() {
    let aws = Aws::instant();
    aws.sandbox.inject(Fault::stale(60_000));
    aws.group("late", "NumCacheClusters=1");
    assert_eq!(aws.status("late"), "ReplicationGroupNotFoundFault", "reads are behind");
    let error = aws.refused(
        "CreateReplicationGroup",
        "ReplicationGroupId=late&ReplicationGroupDescription=d&CacheNodeType=cache.r7g.large",
    );
    assert!(error.starts_with("ReplicationGroupAlreadyExists"), "writes are not");
    aws.pass(60);
    assert_eq!(aws.status("late"), "available");
}

#[test]
fn slow_answers_overlap() {
    let aws = Aws::instant();
    aws.sandbox.inject(Fault::slow(300));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| aws.call("DescribeUsers", ""));
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(300));
    let calls = aws.sandbox.calls();
    assert_eq!(calls.iter().map(|call| call.in_flight).max(), Some(3));
    assert!(calls.iter().all(|call| call.duration_ms >= 300 && call.status == 200));
}

#[test]
fn reset_forgets_everything() {
    let aws = Aws::instant();
    aws.group("old", "NumCacheClusters=1");
    aws.sandbox.inject(Fault::throttle());
    assert_eq!(aws.door("POST", "reset", "").status, 200);
    assert_eq!(aws.status("old"), "ReplicationGroupNotFoundFault");
    assert_eq!(aws.sandbox.calls().len(), 1);
}
