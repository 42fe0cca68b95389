//! A run beside an earlier report of the same cache.

use serde_json::Value;

use super::report::{Comparison, Report};

/// The numbers of `report` beside those of the same address in an earlier JSON document.
///
/// Numbers that either of them does not have are left out; nothing is judged, since machines differ.
pub fn baseline(report: &Report, earlier: &Value) -> Vec<Comparison> {
    let reports = earlier.get("smoke").and_then(Value::as_array).into_iter().flatten();
    let Some(before) = reports.into_iter().find(|before| before["address"] == report.address.as_str()) else {
        return Vec::new();
    };
    let now = serde_json::to_value(report).unwrap_or_default();
    let numbers = [
        ("rttMs", "/server/rttMs"),
        ("opsPerSecond", "/load/capacity/opsPerSecond"),
        ("achievedRate", "/load/achievedRate"),
        ("p50Ms", "/load/total/p50Ms"),
        ("p95Ms", "/load/total/p95Ms"),
        ("p99Ms", "/load/total/p99Ms"),
        ("p999Ms", "/load/total/p999Ms"),
        ("maxMs", "/load/total/maxMs"),
        ("longestGapMs", "/load/longestGapMs"),
        ("hitRate", "/load/hitRate"),
    ];
    numbers
        .into_iter()
        .filter_map(|(name, pointer)| {
            let number = |document: &Value| document.pointer(pointer).and_then(Value::as_f64);
            let (before, now) = (number(before)?, number(&now)?);
            (before > 0.0).then(|| Comparison { name: name.to_owned(), before, now, ratio: now / before })
        })
        .collect()
}
