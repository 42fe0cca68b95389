//! This report beside an earlier one.

use serde::Serialize;
use serde_json::Value;

use super::report::{Asked, Compared, Report};

/// Two runs of the same differ by so much; latencies at rates that differ by more are two different things.
const NOISE: f64 = 0.1;

/// The settings that make a measurement what it is.
const SAME: [&str; 12] = [
    "clients",
    "pipeline",
    "threads",
    "readRatio",
    "valueSize",
    "keysAsked",
    "distribution",
    "readFrom",
    "requests",
    "rate",
    "findRate",
    "unbounded",
];

/// Is the earlier document a report, and of what is to be measured now? Otherwise the error says what differs.
pub fn is_comparable(earlier: &Value, asked: &Asked) -> Result<(), String> {
    if earlier.pointer("/settings/readRatio").is_none() || earlier.get("capacity").is_none() {
        return Err("it is not a report of `cachectl bench --format json`".to_owned());
    }
    let now = serde_json::to_value(asked).map_err(|error| error.to_string())?;
    for name in SAME {
        differs(name, earlier.pointer(&format!("/settings/{name}")), now.get(name))?;
    }
    Ok(())
}

fn differs(name: &str, before: Option<&Value>, now: Option<&Value>) -> Result<(), String> {
    // A report of an earlier version does not have every field.
    let told =
        |value: Option<&Value>| value.filter(|value| !value.is_null()).map_or("nothing".to_owned(), Value::to_string);
    if told(before) == told(now) {
        return Ok(());
    }
    Err(format!("it measured something else: {name} was {}, and is {}", told(before), told(now)))
}

/// The figures side by side, and what cannot be compared. An error when fewer keys were used than before, or more.
pub fn compare(earlier: &Value, report: &Report) -> Result<(Vec<Compared>, Vec<String>), String> {
    let now = value(report)?;
    is_comparable(earlier, &report.settings)?;
    // How many keys there is room for is known only once the server was asked.
    differs("keys", earlier.pointer("/settings/keys"), now.pointer("/settings/keys"))?;
    let number = |document: &Value, path: &str| document.pointer(path).and_then(Value::as_f64);
    let alike = |path: &str| {
        let (before, now) = (number(earlier, path)?, number(&now, path)?);
        Some((now - before).abs() <= NOISE * before)
    };
    let mut notes = Vec::new();
    let mut rows =
        vec![("capacity.opsPerSecond", true), ("findRate.rate", true), ("capacity.clientCpuMicrosPerOp", false)];
    if alike("/latency/rate") == Some(true) {
        rows.push(("latency.achievedRate", true));
        rows.extend(["latency.p50Ms", "latency.p95Ms", "latency.p99Ms", "latency.p999Ms"].map(|name| (name, false)));
        if alike("/settings/durationSeconds") == Some(true) {
            rows.extend(["latency.maxMs", "latency.longestGapMs"].map(|name| (name, false)));
        } else {
            notes.push(
                "baseline: the longest of all grows with the time, and the durations differ: not compared".to_owned(),
            );
        }
    } else if let (Some(before), Some(now)) = (number(earlier, "/latency/rate"), number(&now, "/latency/rate")) {
        notes.push(format!(
            "baseline: latencies were measured at {before:.0} a second and are at {now:.0}: not compared (--rate)"
        ));
    }
    let compared = rows.into_iter().filter_map(|(name, more_is_better)| {
        let path = format!("/{}", name.replace('.', "/"));
        let (before, now) = (number(earlier, &path), number(&now, &path));
        let ratio = before.zip(now).filter(|(before, _)| *before > 0.0).map(|(before, now)| now / before);
        let worse = ratio.is_some_and(|ratio| if more_is_better { ratio < 1.0 - NOISE } else { ratio > 1.0 + NOISE });
        (before.is_some() || now.is_some()).then(|| Compared { name: name.to_owned(), before, now, ratio, worse })
    });
    Ok((compared.collect(), notes))
}

fn value(report: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(report).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::report::{Capacity, LatencyReport};
    use super::*;

    fn report(ops: f64, gap: f64, rate: f64) -> Report {
        let mut report = Report::empty(String::new());
        report.settings.duration_seconds = 10.0;
        report.capacity = Some(Capacity { ops_per_second: ops, ..Capacity::default() });
        report.latency = Some(LatencyReport { rate, longest_gap_ms: gap, ..LatencyReport::default() });
        report
    }

    fn worse(earlier: &Report, now: &Report) -> Vec<String> {
        let (rows, _) = compare(&value(earlier).unwrap(), now).unwrap();
        rows.into_iter().filter(|row| row.worse).map(|row| row.name).collect()
    }

    #[test]
    fn what_got_worse_by_more_than_noise_is_marked() {
        let worse = |ops, gap| worse(&report(1_000.0, 10.0, 500.0), &report(ops, gap, 500.0));
        assert!(worse(950.0, 10.5).is_empty());
        assert_eq!(worse(800.0, 9.0), ["capacity.opsPerSecond"]);
        assert_eq!(worse(2_000.0, 20.0), ["latency.longestGapMs"]);
    }

    #[test]
    fn latencies_at_other_rates_or_over_other_times_are_not_compared() {
        let earlier = value(&report(1_000.0, 10.0, 500.0)).unwrap();
        let (rows, notes) = compare(&earlier, &report(1_200.0, 90.0, 600.0)).unwrap();
        assert!(rows.iter().all(|row| !row.name.starts_with("latency.")), "{rows:?}");
        assert!(notes[0].contains("at 500 a second and are at 600"), "{notes:?}");
        let mut longer = report(1_000.0, 90.0, 500.0);
        longer.settings.duration_seconds = 60.0;
        let (rows, notes) = compare(&earlier, &longer).unwrap();
        assert!(rows.iter().all(|row| !row.worse) && notes.len() == 1, "{rows:?} {notes:?}");
    }

    #[test]
    fn only_the_same_measurement_is_compared() {
        let mut earlier = value(&report(1.0, 1.0, 1.0)).unwrap();
        let asked = report(1.0, 1.0, 1.0).settings;
        assert_eq!(is_comparable(&earlier, &asked), Ok(()));
        for (name, value) in [("valueSize", Value::from(7)), ("rate", 100.0.into()), ("requests", 9.into())] {
            let before = std::mem::replace(&mut earlier["settings"][name], value.clone());
            let told = is_comparable(&earlier, &asked).unwrap_err();
            assert!(told.contains(&format!("{name} was {value}")), "{told}");
            earlier["settings"][name] = before;
        }
        earlier["settings"]["keys"] = 7.into();
        assert!(compare(&earlier, &report(1.0, 1.0, 1.0)).unwrap_err().contains("keys was 7"));
        assert!(is_comparable(&serde_json::json!({}), &asked).is_err());
    }
}
