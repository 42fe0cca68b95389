//! kill -9 while secrets change: at the end the group takes the declared token and no other, and on the way
//! there no token is lost that clients still use.

use std::sync::atomic::{AtomicU32, Ordering};

use cachectl_sandbox::{Fault, Options};

use crate::rig::Rig;

/// Far longer than any test.
const NEVER: u64 = 3_600_000;
const FAST: f64 = 0.0002;
const SIDE_BY_SIDE: usize = 4;
/// A run is killed as often before it is left alone.
const KILLS: usize = 3;
/// More calls than any of these applies makes.
const MOST_CALLS: u32 = 60;

const OLD: &str = "0123456789abcdef-old";
const NEW: &str = "0123456789abcdef-new";

const APPLY: &[&str] = &["apply", "--yes", "--no-smoke", "--poll-interval", "20ms"];
const ALL_HOPS: &[&str] = &["apply", "--yes", "--no-smoke", "--poll-interval", "20ms", "--all-hops"];

const GROUP: &str = r#"
apiVersion: cachectl/v1
stack: keys
region: us-east-1
replicationGroups:
  keys:
    description: A cache
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 1
    transitEncryptionEnabled: true
"#;

const USER: &str = r#"
apiVersion: cachectl/v1
stack: keys
region: us-east-1
users:
  keys-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read", passwords: [{secretsManager: keys}]}
"#;

fn with_token() -> String {
    format!("{GROUP}    authToken: {{secretsManager: keys}}\n")
}

/// A group with the old token, and a new one declared.
fn with_another_token(rig: &Rig) {
    rig.sandbox.set_secret("keys", OLD);
    rig.spec(&with_token());
    rig.run(APPLY).exits(0);
    rig.sandbox.set_secret("keys", NEW);
}

/// A group without a token, and one declared.
fn with_a_first_token(rig: &Rig) {
    rig.sandbox.set_secret("keys", NEW);
    rig.spec(GROUP);
    rig.run(APPLY).exits(0);
    rig.spec(&with_token());
}

/// No other tokens are ever in force than these, one after the other.
fn goes_through(hops: &[Vec<&str>], stages: &[&[&str]]) {
    let stage = |hop: &Vec<&str>| stages.iter().position(|stage| stage == hop);
    let seen: Vec<Option<usize>> = hops.iter().map(stage).collect();
    assert!(seen.iter().all(Option::is_some) && seen.is_sorted(), "{hops:?}");
}

/// Hop by hop until nothing is left; then the new token is the one way in.
fn ends_with_the_new_token(rig: &Rig) {
    for _ in 0..2 {
        rig.run(APPLY).exits(0);
    }
    rig.settled();
    assert_eq!(rig.sandbox.tokens("keys"), [NEW]);
}

#[test]
fn a_token_that_is_added_by_killed_runs_pushes_no_other_out() {
    killed_at_every_call(APPLY, with_another_token, |rig, hops| {
        goes_through(hops, &[&[OLD], &[OLD, NEW], &[NEW]]);
        ends_with_the_new_token(rig);
    });
}

#[test]
fn a_first_token_that_is_added_by_killed_runs_leaves_the_old_way_in_open() {
    killed_at_every_call(APPLY, with_a_first_token, |rig, hops| {
        goes_through(hops, &[&[], &["", NEW], &[NEW]]);
        ends_with_the_new_token(rig);
    });
}

#[test]
fn all_hops_of_a_token_end_in_the_new_one_however_often_they_are_killed() {
    killed_at_every_call(ALL_HOPS, with_another_token, |rig, _| {
        rig.settled();
        assert_eq!(rig.sandbox.tokens("keys"), [NEW]);
    });
}

#[test]
fn the_old_token_is_gone_after_a_second_hop_that_was_killed() {
    let prepare = |rig: &Rig| {
        with_another_token(rig);
        rig.run(APPLY).exits(0);
        assert_eq!(rig.sandbox.tokens("keys"), [OLD, NEW]);
    };
    killed_at_every_call(APPLY, prepare, |rig, _| {
        rig.settled();
        assert_eq!(rig.sandbox.tokens("keys"), [NEW]);
    });
}

#[test]
fn a_password_that_is_exchanged_by_killed_runs_is_the_declared_one() {
    let prepare = |rig: &Rig| {
        rig.sandbox.set_secret("keys", OLD);
        rig.spec(USER);
        rig.run(APPLY).exits(0);
        assert_eq!(rig.sandbox.passwords("keys-app"), [OLD]);
        rig.sandbox.set_secret("keys", NEW);
    };
    killed_at_every_call(APPLY, prepare, |rig, _| {
        rig.settled();
        assert_eq!(rig.sandbox.passwords("keys-app"), [NEW]);
    });
}

#[test]
fn a_first_password_that_is_set_by_killed_runs_is_marked_as_the_declared_one() {
    // A valkey user never goes without.
    let redis = |way_in: &str| {
        USER.replace("engine: valkey", "engine: redis").replace("passwords: [{secretsManager: keys}]", way_in)
    };
    let prepare = |rig: &Rig| {
        rig.sandbox.set_secret("keys", OLD);
        rig.spec(&redis("noPasswordRequired: true"));
        rig.run(APPLY).exits(0);
        rig.spec(&redis("passwords: [{secretsManager: keys}]"));
    };
    killed_at_every_call(APPLY, prepare, |rig, _| {
        rig.settled();
        // That it is marked shows when it changes.
        rig.sandbox.set_secret("keys", NEW);
        rig.run(APPLY).exits(0);
        assert_eq!(rig.sandbox.passwords("keys-app"), [NEW]);
    });
}

/// For each call of the command: kills three runs in the middle of it, lets the next one through, and looks at what
/// is there. The check also gets every set of tokens that was in force on the way, in order.
fn killed_at_every_call(command: &[&str], prepare: impl Fn(&Rig) + Sync, check: impl Fn(&Rig, &[Vec<&str>]) + Sync) {
    let next = AtomicU32::new(0);
    let last = AtomicU32::new(MOST_CALLS);
    let kill_some = || {
        let rig = Rig::with(GROUP, Options { time_scale: FAST, ..Options::default() });
        loop {
            let call = next.fetch_add(1, Ordering::Relaxed);
            if call > last.load(Ordering::Relaxed) {
                break;
            }
            rig.sandbox.reset();
            prepare(&rig);
            let mut hops = vec![rig.sandbox.tokens("keys")];
            for kill in 0..KILLS {
                rig.sandbox.clear_calls();
                if !killed(&rig, call, command) {
                    if kill == 0 {
                        // It makes fewer calls: all were seen.
                        last.fetch_min(call, Ordering::Relaxed);
                    }
                    break;
                }
                hops.push(rig.sandbox.tokens("keys"));
            }
            rig.run(command).exits(0);
            hops.push(rig.sandbox.tokens("keys"));
            hops.dedup();
            let seen: Vec<Vec<&str>> = hops.iter().map(|hop| hop.iter().map(String::as_str).collect()).collect();
            check(&rig, &seen);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(kill_some);
        }
    });
    let calls = last.into_inner();
    assert!((8..MOST_CALLS).contains(&calls), "it makes {calls} calls");
}

/// `false` when the run ended before it made that call.
fn killed(rig: &Rig, call: u32, command: &[&str]) -> bool {
    rig.sandbox.inject(Fault::slow(NEVER).after(call).times(1));
    let mut running = rig.start(command);
    let reached = rig.reached(call as usize + 1, &mut running);
    if reached {
        running.kill();
    } else {
        running.end().exits(0);
    }
    rig.sandbox.clear_faults();
    reached
}
