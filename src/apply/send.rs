//! Sending a step's call so that it takes effect once: what AWS is too busy for is sent later, and an
//! answer that was lost is recognised by what is live.

use std::time::{Duration, Instant};

use serde_json::json;

use super::effect::{self, Seen};
use super::task::{Task, look, settle};
use super::{Engine, Failure, recheck};
use crate::aws::error::Kind as ErrorKind;
use crate::aws::{AwsError, guard, kinds, secrets, tags};
use crate::model::Operation;
use crate::model::operation::{Effect, Verb};
use crate::model::step::Wait;
use crate::resource::ownership::STACK;
use crate::resource::readiness::{self, Condition};
use crate::resource::secret;

/// How long AWS may be busy with something else before a call goes through; as long as Terraform's
/// provider repeats a deletion.
pub const BUSY: Duration = Duration::from_secs(600);
/// Calls whose answer was lost are sent again this often, on top of the SDK's own attempts.
const LOST: usize = 3;

const MEMBERS_MOVED: [&str; 2] = ["is not a member of user group", "is already a member of user group"];

const SOMEBODY_ELSE: &str = "though the plan did not see it: another apply of this stack may be running";

/// A call that AWS has accepted, now or before.
pub struct Sent {
    pub request_id: Option<String>,
    /// A create call found the resource there.
    pub existed: bool,
}

pub async fn send(engine: &Engine<'_>, task: Task<'_>) -> Result<Sent, Failure> {
    let Task { step, call, started } = task;
    if call.adds_token() && already(engine, task).await? {
        engine.note(step, &format!("already added, {SOMEBODY_ELSE}"));
        return Ok(Sent { request_id: None, existed: false });
    }
    let mut lost = 0;
    let mut attempts = 0;
    loop {
        let parameters = secrets::resolve(engine.aws, &call.parameters).await?;
        let parameters = engine.members.written_out(engine, task, parameters).await?;
        let Some(parameters) = recheck::of_members(engine, &step.address, parameters).await? else {
            engine.note(step, &format!("nothing is left to change, {SOMEBODY_ELSE}"));
            engine.accepted(step);
            return Ok(Sent { request_id: None, existed: false });
        };
        let (answer, sent) = guard::counting(kinds::execute(engine.aws, call.operation, parameters)).await;
        attempts += sent;
        let error = match answer {
            Ok(request_id) => {
                engine.accepted(step);
                return Ok(Sent { request_id, existed: false });
            }
            Err(error) => error,
        };
        let repeated = attempts > 1;
        let done = |existed: bool| {
            engine.accepted(step);
            Ok(Sent { request_id: error.request_id.clone(), existed })
        };
        match verdict(call.operation, call.parameters.get("AuthTokenUpdateStrategy") == Some(&json!("SET")), &error) {
            Verdict::Done => {
                let why = if repeated { String::new() } else { format!(", {SOMEBODY_ELSE}") };
                engine.note(step, &format!("already in place ({error}){why}"));
                return done(false);
            }
            Verdict::Existed => {
                let why = if repeated { "the answer to an earlier attempt was lost" } else { SOMEBODY_ELSE };
                engine.note(step, &format!("already there: {why}"));
                return done(true);
            }
            // A second reboot would be one too many.
            Verdict::Busy if repeated && call.operation.verb() == Verb::Reboot => {
                engine.note(step, "already under way: the answer to an earlier attempt was lost");
                return done(false);
            }
            Verdict::Busy if started.elapsed() < BUSY => {
                engine.refused(step, &error);
                settle(engine, task).await?;
                // What it is busy with can be this very call.
                if already(engine, task).await? {
                    let why = if repeated { "the answer to an earlier attempt was lost" } else { SOMEBODY_ELSE };
                    engine.note(step, &format!("already carried out: {why}"));
                    return done(false);
                }
            }
            Verdict::Lost if lost < LOST => {
                lost += 1;
                if already(engine, task).await? {
                    engine.note(step, "carried out, although its answer was lost");
                    return done(false);
                }
                engine.note(step, &format!("the answer was lost, trying again: {error}"));
            }
            // A refusal of the first attempt is a refusal, whatever is live; but for what is seen in full.
            Verdict::Refused if !repeated && call.operation.counts() && already(engine, task).await? => {
                engine.note(step, &format!("already in place ({error}), {SOMEBODY_ELSE}"));
                return done(false);
            }
            Verdict::Refused if repeated && already(engine, task).await? => {
                engine.note(step, "already carried out: the answer to an earlier attempt was lost");
                return done(false);
            }
            Verdict::Busy | Verdict::Lost | Verdict::Refused | Verdict::Fatal => return Err(error.into()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Existed,
    /// Another change is under way, or something still refers to it.
    Busy,
    Lost,
    Refused,
    Fatal,
}

fn verdict(operation: Operation, sets_token: bool, error: &AwsError) -> Verdict {
    let code = error.code.as_deref().unwrap_or_default();
    match error.kind {
        ErrorKind::Interrupted
        | ErrorKind::AccessDenied
        | ErrorKind::Credentials
        | ErrorKind::ReadOnly
        | ErrorKind::InTheClear
        | ErrorKind::Untrusted
        | ErrorKind::Unsupported => Verdict::Fatal,
        // Unreachable too: the connection can break after the request went out.
        ErrorKind::Unknown
        | ErrorKind::Timeout
        | ErrorKind::Throttled
        | ErrorKind::Unreachable
        | ErrorKind::BadAnswer => Verdict::Lost,
        ErrorKind::NotFound if operation.deletes() => Verdict::Done,
        _ if operation.creates() && code.contains("AlreadyExists") => Verdict::Existed,
        _ if code.contains("NoOperation") || error.message.contains("No modifications were requested") => Verdict::Done,
        // A run that was killed after SET sends it again. The guide says of SET that it needs "2 AUTH tokens or 1 optional
        // AUTH token"; a token that alone is in force is past that.
        _ if sets_token && error.message.contains("2 AUTH tokens") => Verdict::Done,
        // InvalidReplicationGroupState, InvalidUserGroupState, CacheSubnetGroupInUse, SubnetInUse, ...
        _ if error.is_state() || code.contains("InUse") => Verdict::Busy,
        // CloudWatch is about another change of the same resource.
        _ if error.is_code(&["ConflictException", "ConcurrentModificationException"]) => Verdict::Busy,
        // Somebody took a user out of the group, or put one in, since it was read: it is read again.
        _ if MEMBERS_MOVED.iter().any(|text| error.message.contains(text)) => Verdict::Busy,
        ErrorKind::Refused if code == "ServiceUnavailable" || code == "InternalFailure" => Verdict::Lost,
        ErrorKind::Refused => Verdict::Refused,
        ErrorKind::NotFound => Verdict::Fatal,
    }
}

/// One look of its own: is the effect there although the call was refused?
async fn already(engine: &Engine<'_>, task: Task<'_>) -> Result<bool, Failure> {
    let Task { step, call, .. } = task;
    if call.wait_for == Wait::Nothing || call.operation.effect() == Effect::Unseen {
        return Ok(false);
    }
    let mut ticket = engine.observer.register(&step.address);
    let live = look(engine, task, &mut ticket).await?;
    let (condition, _) = readiness::of(&live, &step.address);
    if call.adds_token() {
        // Adding a token a second time can push out the one that clients still use. A token is never read back, but
        // when it was changed is.
        let changed = secret::last_change(&live, &step.address) != secret::last_change(engine.before, &step.address);
        return Ok(condition == Condition::Ready && changed);
    }
    if call.operation.deletes() {
        let deleting = live.status(&step.address) == Some("deleting");
        return Ok(condition == Condition::Gone || deleting);
    }
    // While AWS is at work the effect can be half there: then it counts once all is ready.
    let seen = || effect::seen(&step.address, call, &live) == Seen::There;
    Ok(effect::is_readable(step.address.kind, call) && condition == Condition::Ready && seen())
}

/// What a create call found there must carry this stack's tag. AWS tells no tags while a group is being
/// created, and reads lag behind writes: both are waited for.
pub async fn claim(engine: &Engine<'_>, task: Task<'_>) -> Result<(), Failure> {
    let address = &task.step.address;
    let identity = engine.aws.identity().await?;
    let arn = address.arn(&identity.partition, &engine.aws.region, &identity.account_id);
    let mut asked = Instant::now();
    loop {
        let waited = asked.elapsed();
        match tags::of(engine.aws, &arn).await {
            Ok(found) if found.get(STACK) == Some(&engine.spec.stack) => return Ok(()),
            Err(error) if error.is_state() => {
                settle(engine, task).await?;
                asked = Instant::now();
            }
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
            Ok(_) | Err(_) if waited < engine.settings.grace() => {
                tokio::time::sleep(engine.settings.pause()).await;
            }
            Ok(_) | Err(_) => return Err(Failure::NotOurs { address: address.to_string() }),
        }
    }
}
