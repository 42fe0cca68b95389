//! `--events FILE`: one JSON object a line for every call, retry, wait, note and result, as
//! `schema/events.schema.json` describes them. No secrets: a call is told by its name and its request id.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};

use super::clock;
use super::exit::{CliError, Exit};
use super::files;
use super::session::Session;
use crate::aws::guard::{Event, Guard};
use crate::model::kept;
use crate::model::report::Progress;

#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Book>>);

struct Book {
    path: PathBuf,
    file: Mutex<File>,
    guard: Guard,
    /// Why it could not be written, once that happened.
    failure: OnceLock<io::Error>,
}

impl Journal {
    pub fn open(path: Option<&Path>, session: &Session) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let made_from: Vec<PathBuf> = session.sources.names().map(PathBuf::from).collect();
        let file = Mutex::new(files::append(path, &made_from)?);
        let (path, guard) = (path.to_owned(), session.aws.guard.clone());
        let journal = Self(Some(Arc::new(Book { path, file, guard, failure: OnceLock::new() })));
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

    /// A line at once, so that a killed run loses nothing. What is not recorded is not done: where the line
    /// cannot be written, no further call is sent.
    fn write(&self, mut event: Value) {
        let Some(book) = &self.0 else { return };
        event["time"] = json!(clock::timestamp());
        let line = format!("{event}\n");
        let line = kept::taken_out(&line);
        let Ok(mut file) = book.file.lock() else { return };
        let written = file.write_all(line.as_bytes()).and_then(|()| file.flush());
        if let Err(error) = written
            && book.failure.set(error).is_ok()
        {
            book.guard.interrupt(|| {});
        }
    }

    /// What ended the run, if it was the journal.
    pub fn failure(&self) -> Option<CliError> {
        let book = self.0.as_ref()?;
        let error = book.failure.get()?;
        let error = io::Error::new(error.kind(), error.to_string());
        Some(CliError::io("write", &book.path, error).hint(
            "no further call was sent; AWS finishes what it has begun. Free some space, then run the same command again",
        ))
    }

    /// What clients noticed: a line of [`super::canary::Told`].
    pub fn canary(&self, line: Value) {
        self.write(line);
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
