//! Latencies as a log of HdrHistogram, for its own tools: plots, percentiles that were not asked for, merging.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::bench::Histograms;
use crate::client::Recorder;

const NANOSECONDS_OF_A_MILLISECOND: f64 = 1e6;

/// One interval with three tags: `due` (from when each command was due), `sent` (from when it was sent), `lag`.
/// Values are nanoseconds, which the tools show as milliseconds.
pub fn text(comment: &str, histograms: &Histograms) -> Result<String, String> {
    let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    {
        let mut writer = IntervalLogWriterBuilder::new()
            .add_comment(&format!("cachectl bench, {comment}"))
            .with_start_time(histograms.begun)
            .with_max_value_divisor(NANOSECONDS_OF_A_MILLISECOND)
            .begin_log_with(&mut out, &mut serializer)
            .map_err(|error| error.to_string())?;
        for (tag, recorder) in [("due", &histograms.latency), ("sent", &histograms.service), ("lag", &histograms.lag)] {
            let histogram = nanoseconds(recorder)?;
            writer
                .write_histogram(&histogram, Duration::ZERO, histograms.took, Tag::new(tag))
                .map_err(|error| format!("{error:?}"))?;
        }
    }
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn nanoseconds(recorder: &Recorder) -> Result<Histogram<u64>, String> {
    let mut histogram = Histogram::new_with_bounds(1_000, 60_000_000_000, 3).map_err(|error| error.to_string())?;
    for (micros, count) in recorder.counts() {
        histogram.saturating_record_n(micros * 1_000, count);
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base64::Engine as _;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn the_log_holds_what_was_recorded() {
        let mut recorder = Recorder::default();
        for micros in 1..=1_000 {
            recorder.record(Duration::from_micros(micros));
        }
        let all = Histograms {
            latency: recorder.clone(),
            service: Recorder::default(),
            lag: recorder,
            begun: SystemTime::now(),
            took: Duration::from_secs(1),
        };
        let text = text("a test", &all).unwrap();
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).unwrap();
                let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
                found.push((
                    interval.tag().map(|tag| tag.as_str().to_owned()),
                    histogram.len(),
                    histogram.max() / 1_000_000,
                ));
            }
        }
        let tag = |name: &str| Some(name.to_owned());
        assert_eq!(found, [(tag("due"), 1_000, 1), (tag("sent"), 0, 0), (tag("lag"), 1_000, 1)]);
    }
}
