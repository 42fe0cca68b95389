//! `--events FILE`: one JSON object a line for every call, retry, wait, note and result, as
//! `schema/events.schema.json` describes them. No secrets: a call is told by its name and its request id.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::clock;
use super::exit::{CliError, Exit};
use super::session::Session;
use crate::aws::guard::Event;
use crate::model::report::Progress;

#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Mutex<File>>>);

impl Journal {
    pub fn open(path: Option<&Path>, session: &Session) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::options().create(true).append(true).open(path);
        let file =
            file.map_err(|error| CliError::new(Exit::Error, format!("cannot write {}: {error}", path.display())))?;
        let journal = Self(Some(Arc::new(Mutex::new(file))));
        let calls = journal.clone();
        journal.write(json!({
            "type": "start", "version": env!("CARGO_PKG_VERSION"), "stack": session.spec.stack,
            "accountId": session.identity.account_id, "region": session.aws.region,
        }));
        session.aws.guard.listen(Box::new(move |event| calls.write(told(event))));
        Ok(journal)
    }

    pub fn end(&self, exit: Exit) {
        self.write(json!({"type": "end", "exit": exit.code()}));
    }

    /// A line at once, so that a killed run loses nothing.
    fn write(&self, mut event: Value) {
        let Some(file) = &self.0 else { return };
        event["time"] = json!(clock::timestamp());
        if let Ok(mut file) = file.lock() {
            let _ = writeln!(file, "{event}").and_then(|()| file.flush());
        }
    }

    pub fn progress(&self, progress: &Progress<'_>) {
        if self.0.is_none() {
            return;
        }
        self.write(match progress {
            Progress::Started { subject } => {
                json!({"type": "step", "step": subject.id(), "address": subject.address(), "operation": subject.operation()})
            }
            Progress::Waiting { subject, state } => {
                json!({"type": "state", "step": subject.id(), "address": subject.address(), "state": state})
            }
            Progress::Note { subject, text } => {
                json!({"type": "note", "step": subject.id(), "address": subject.address(), "text": text})
            }
            Progress::Done { subject, result } => {
                json!({"type": "result", "address": subject.address(), "operation": subject.operation(), "result": result})
            }
        });
    }
}

fn told(event: &Event) -> Value {
    match event {
        Event::Call(call) => json!({
            "type": "call", "service": call.service, "operation": call.operation, "status": call.status,
            "attempts": call.attempts, "seconds": call.seconds, "requestId": call.request_id,
        }),
        Event::Retry { service, operation, attempt, status } => json!({
            "type": "retry", "service": service, "operation": operation, "attempt": attempt, "status": status,
        }),
    }
}
