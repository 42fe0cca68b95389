//! What `--live` saw of a cache itself, as figures and in words.

use super::figures::bytes;
use crate::model::advice::{Figure, FigureStatus};
use crate::model::sample::{BIG_VALUE, Basis, Sample};

/// The figures that the cache itself gives. What was not seen has none.
pub(super) fn figures(sample: &Sample) -> Vec<Figure> {
    let mut figures = Vec::new();
    let figure = |name, value: f64, unit, threshold, status, source: String| Figure {
        name,
        value: Some((value * 10.0).round() / 10.0),
        unit,
        threshold,
        status,
        source,
        sparkline: String::new(),
    };
    let judged = |well: bool| if well { FigureStatus::Ok } else { FigureStatus::Warn };
    if let (Some(used), Some(limit)) = (sample.used_memory, sample.maxmemory.filter(|limit| *limit > 0)) {
        let percent = 100.0 * used as f64 / limit as f64;
        let source = format!("INFO memory now: {} of {}, the fullest node", bytes(used as f64), bytes(limit as f64));
        figures.push(figure("memoryNow", percent, "percent", Some(80.0), judged(percent <= 80.0), source));
    }
    if let Some((share, basis)) = sample.ttl_share() {
        let source = match basis {
            Basis::All => "INFO keyspace now: keys with a time to live".to_owned(),
            Basis::Sampled => format!("PTTL of {} sampled keys", sample.keys),
        };
        figures.push(figure("keysWithTtl", share, "percent", None, FigureStatus::Info, source));
    }
    if sample.is_sized() {
        let source = format!("MEMORY USAGE of {} sampled keys: larger than {}", sample.keys, bytes(BIG_VALUE as f64));
        let count = sample.big.len() as f64;
        figures.push(figure("bigValues", count, "count", Some(0.0), judged(sample.big.is_empty()), source));
    }
    figures
}

/// What was looked at, and what could not be seen.
pub(super) fn told(sample: &Sample) -> Vec<String> {
    let mut told = Vec::new();
    if sample.keys > 0 {
        let all: u64 = sample.prefixes.iter().map(|(_, bytes)| bytes).sum();
        let share = |part: u64| format!("{:.0} %", 100.0 * part as f64 / all.max(1) as f64);
        let prefixes: Vec<String> =
            sample.prefixes.iter().map(|(prefix, bytes)| format!("{prefix} {}", share(*bytes))).collect();
        let by_prefix = match prefixes.is_empty() {
            true => String::new(),
            false => format!("; memory by prefix: {}", prefixes.join(", ")),
        };
        let of_all = sample.keys_in_cache.map_or_else(String::new, |all| format!(" of {all}"));
        let on = if sample.nodes.is_empty() { String::new() } else { format!(" on {}", sample.nodes.join(", ")) };
        let ttl = 100.0 * sample.with_ttl as f64 / sample.keys as f64;
        told.push(format!(
            "{}{of_all} keys were looked at{on}: {ttl:.0} % have a time to live{by_prefix}",
            sample.keys
        ));
    } else if sample.unseen.is_empty() {
        told.push("no keys were found to look at".to_owned());
    }
    told.extend(sample.unseen.iter().cloned());
    told
}
