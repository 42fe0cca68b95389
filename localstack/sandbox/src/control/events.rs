//! DescribeEvents: the only place where AWS tells of a change it took back.

use std::collections::VecDeque;

use crate::control::paging;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// AWS keeps 14 days; the sandbox keeps a number.
const KEPT: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub number: u64,
    pub source: String,
    pub source_type: &'static str,
    pub message: String,
    pub at: i64,
}

const SOURCE_TYPES: [&str; 9] = [
    "cache-cluster",
    "cache-parameter-group",
    "cache-security-group",
    "cache-subnet-group",
    "replication-group",
    "serverless-cache",
    "serverless-cache-snapshot",
    "user",
    "user-group",
];

pub(crate) fn record(state: &mut State, source_type: &'static str, source: &str, message: impl Into<String>) {
    let events: &mut VecDeque<Event> = &mut state.events;
    let number = events.back().map_or(0, |last| last.number) + 1;
    events.push_back(Event { number, source: source.to_owned(), source_type, message: message.into(), at: state.now });
    if events.len() > KEPT {
        events.pop_front();
    }
}

pub(crate) fn group(state: &mut State, id: &str, message: impl Into<String>) {
    record(state, "replication-group", id, message);
}

pub(crate) fn cluster(state: &mut State, id: &str, message: impl Into<String>) {
    record(state, "cache-cluster", id, message);
}

/// Without a start AWS answers for the last hour.
pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let source_type = input.text("SourceType");
    if let Some(kind) = &source_type
        && !SOURCE_TYPES.contains(&kind.as_str())
    {
        return Err(Refusal::invalid_value(format!(
            "Invalid SourceType: {kind}. Valid values: {}",
            SOURCE_TYPES.join(", ")
        )));
    }
    let source = input.id("SourceIdentifier");
    if source.is_some() && source_type.is_none() {
        return Err(Refusal::invalid_combination("SourceType must be specified when SourceIdentifier is specified"));
    }
    let milliseconds = |seconds: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
        let ms = (seconds * 1000.0) as i64;
        ms
    };
    let end = input.time("EndTime")?.map_or(state.now, milliseconds);
    let start = match (input.time("StartTime")?, input.int("Duration")?) {
        (Some(start), _) => milliseconds(start),
        (None, Some(minutes)) => end - minutes * 60_000,
        (None, None) => end - 3_600_000,
    };
    let found = state
        .events
        .iter()
        .filter(|event| (start..=end).contains(&event.at))
        .filter(|event| source_type.as_deref().is_none_or(|kind| kind == event.source_type))
        .filter(|event| source.as_deref().is_none_or(|id| id == event.source))
        .map(|event| (format!("{:020}", event.number), event));
    let page = paging::page(input, state.settings.page_size, found, |event| {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^53")]
        let date = Output::Time(event.at as f64 / 1000.0);
        Record::new()
            .put("SourceIdentifier", &event.source)
            .put("SourceType", event.source_type)
            .put("Message", &event.message)
            .put("Date", date)
            .into()
    })?;
    Ok(Record::new().put_some("Marker", page.next).list("Events", "Event", page.items).into())
}
