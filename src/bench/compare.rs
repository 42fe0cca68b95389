//! This report beside an earlier one.

use serde_json::Value;

use super::report::{Compared, Report};

/// Two runs of the same differ by so much.
const NOISE: f64 = 0.1;

/// The figures side by side. An error when `earlier` is no report of this kind, or measured something else.
pub fn compare(earlier: &Value, report: &Report) -> Result<Vec<Compared>, String> {
    let now = serde_json::to_value(report).map_err(|error| error.to_string())?;
    if earlier.pointer("/settings/readRatio").is_none() || earlier.get("capacity").is_none() {
        return Err("it is not a report of `cachectl bench --format json`".to_owned());
    }
    for name in ["clients", "pipeline", "threads", "readRatio", "valueSize", "keys", "distribution", "readFrom"] {
        let path = format!("/settings/{name}");
        let (before, now) = (earlier.pointer(&path), now.pointer(&path));
        if before != now {
            let told = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(format!("it measured something else: {name} was {}, and is {}", told(before), told(now)));
        }
    }
    let more_is_better = ["capacity.opsPerSecond", "latency.achievedRate", "findRate.rate"];
    let less_is_better = [
        "capacity.clientCpuMicrosPerOp",
        "latency.p50Ms",
        "latency.p95Ms",
        "latency.p99Ms",
        "latency.p999Ms",
        "latency.maxMs",
        "latency.longestGapMs",
    ];
    let rows = more_is_better.map(|name| (name, true)).into_iter().chain(less_is_better.map(|name| (name, false)));
    Ok(rows
        .filter_map(|(name, more_is_better)| {
            let path = format!("/{}", name.replace('.', "/"));
            let number = |document: &Value| document.pointer(&path).and_then(Value::as_f64);
            let (before, now) = (number(earlier), number(&now));
            let ratio = before.zip(now).filter(|(before, _)| *before > 0.0).map(|(before, now)| now / before);
            let worse =
                ratio.is_some_and(|ratio| if more_is_better { ratio < 1.0 - NOISE } else { ratio > 1.0 + NOISE });
            (before.is_some() || now.is_some()).then(|| Compared { name: name.to_owned(), before, now, ratio, worse })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::report::{Capacity, LatencyReport};
    use super::*;

    fn report(ops: f64, gap: f64) -> Report {
        let mut report = Report::empty(String::new());
        report.capacity = Some(Capacity { ops_per_second: ops, ..Capacity::default() });
        report.latency = Some(LatencyReport { longest_gap_ms: gap, ..LatencyReport::default() });
        report
    }

    #[test]
    fn what_got_worse_by_more_than_noise_is_marked() {
        let earlier = serde_json::to_value(report(1_000.0, 10.0)).unwrap();
        let worse = |ops, gap| {
            let rows = compare(&earlier, &report(ops, gap)).unwrap();
            rows.into_iter().filter(|row| row.worse).map(|row| row.name).collect::<Vec<_>>()
        };
        assert!(worse(950.0, 10.5).is_empty());
        assert_eq!(worse(800.0, 9.0), ["capacity.opsPerSecond"]);
        assert_eq!(worse(2_000.0, 20.0), ["latency.longestGapMs"]);
    }

    #[test]
    fn only_the_same_measurement_is_compared() {
        let mut earlier = serde_json::to_value(report(1.0, 1.0)).unwrap();
        earlier["settings"]["valueSize"] = 7.into();
        assert!(compare(&earlier, &report(1.0, 1.0)).unwrap_err().contains("valueSize was 7"));
        assert!(compare(&serde_json::json!({}), &report(1.0, 1.0)).is_err());
    }
}
