//! Advice and cost: pure functions of spec, live state, metrics and prices. No I/O, no clock.

pub mod cost;
mod course;
mod figures;
mod group;
mod live;
pub mod preflight;
mod remedies;
mod serverless;
mod sizing;
pub mod wanted;

use crate::model::advice::{CacheAdvice, Report};
use crate::model::live::Live;
use crate::model::metrics::Metrics;
use crate::model::plan::FORMAT_VERSION;
use crate::model::prices::Prices;
use crate::model::sample::Samples;
use crate::model::{Address, Glob, Spec};
pub use figures::{bytes, many};

/// Hours that say anything at all: one whole day.
pub const LEAST_HOURS: usize = 24;
/// Hours that a size is judged by: one whole week, since weekends differ.
pub const SIZING_HOURS: usize = 7 * 24;

/// What advice is made from.
pub struct Input<'a> {
    pub spec: &'a Spec,
    pub live: &'a Live,
    pub metrics: &'a Metrics,
    pub prices: &'a Prices,
    /// By cache, with `--live`.
    pub samples: &'a Samples,
    /// As it was asked for, such as `14d`.
    pub since: &'a str,
    /// `yyyy-mm-dd`
    pub today: &'a str,
}

/// The caches of a spec that are meant: all, or those that a glob matches.
pub fn caches<'a>(spec: &'a Spec, only: &'a [Glob]) -> impl Iterator<Item = &'a Address> {
    spec.resources.keys().filter(move |address| {
        address.kind.is_cache() && (only.is_empty() || only.iter().any(|glob| glob.matches(address)))
    })
}

/// Figures and advice for the caches that are meant.
pub fn report(input: &Input<'_>, only: &[Glob]) -> Report {
    Report {
        format_version: FORMAT_VERSION.to_owned(),
        stack: input.spec.stack.clone(),
        account_id: input.live.account_id.clone(),
        region: input.live.region.clone(),
        since: input.since.to_owned(),
        prices: format!("list prices of {} as of {}", input.prices.region, input.prices.date),
        caches: caches(input.spec, only).map(|address| of_cache(input, address)).collect(),
        notes: input.metrics.failures.iter().cloned().collect(),
    }
}

fn of_cache(input: &Input<'_>, address: &Address) -> CacheAdvice {
    let empty = |note: &str| CacheAdvice {
        address: address.clone(),
        hours: 0,
        figures: Vec::new(),
        advice: Vec::new(),
        sample: None,
        notes: vec![note.to_owned()],
    };
    let Some(resource) = input.spec.resources.get(address) else { return empty("the spec does not have it") };
    let Some(view) = input.live.view(address) else { return empty("it does not exist yet") };
    if address.kind.is_serverless() {
        serverless::advice(input, resource, &view)
    } else {
        group::advice(input, resource, &view)
    }
}

/// `36 hours of measurements; a size is judged by 168`
fn too_little(hours: usize) -> Option<String> {
    match hours {
        0 => Some("no measurements: nothing is said of its use".to_owned()),
        hours if hours < LEAST_HOURS => {
            Some(format!("{hours} hours of measurements: advice needs {LEAST_HOURS}, a change of size {SIZING_HOURS}"))
        }
        hours if hours < SIZING_HOURS => {
            Some(format!("{hours} hours of measurements: a smaller size is judged by {SIZING_HOURS}"))
        }
        _ => None,
    }
}
