//! What a spec's `smoke` says, as settings of a run.

use std::time::Duration;

use serde_json::Value;

use crate::client::engine::Distribution;
use crate::model::live::strings;
use crate::smoke::{OnUndecided, OnUnreachable, PREFIX, Requirements, Settings};
use crate::spec::decode::duration;

/// The settings; what is not declared has its default.
pub(super) fn settings(smoke: Option<&Value>) -> Settings {
    let mut settings = Settings::default();
    let Some(smoke) = smoke else { return settings };
    let text = |name: &str| smoke.get(name).and_then(Value::as_str);
    let number = |name: &str| smoke.get(name).and_then(Value::as_f64);
    let whole = |name: &str| smoke.get(name).and_then(Value::as_u64);
    let length = |name: &str| text(name).and_then(duration);
    if smoke.get("patterns").is_some() {
        settings.patterns = strings(smoke.get("patterns")).filter_map(|name| name.parse().ok()).collect();
    }
    settings.duration = length("duration").unwrap_or(settings.duration);
    settings.timeout = length("timeout").unwrap_or(Duration::from_secs(3));
    settings.clients = whole("clients").map_or(settings.clients, |clients| clients as usize);
    settings.pipeline = whole("pipeline").map_or(settings.pipeline, |pipeline| pipeline as usize);
    settings.keys = whole("keys").and_then(|keys| u32::try_from(keys).ok()).unwrap_or(settings.keys);
    settings.value_size = whole("valueSize").map_or(settings.value_size, |size| size as usize);
    settings.max_bytes = whole("maxBytes");
    settings.read_ratio = number("readRatio").unwrap_or(settings.read_ratio);
    settings.rate = number("rate");
    settings.distribution = text("distribution").map_or(settings.distribution, distribution);
    settings.read_only = smoke.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
    settings.key_prefix = Settings::fresh_key_prefix(text("keyPrefix").unwrap_or(PREFIX));
    settings.on_unreachable = match text("onUnreachable") {
        Some("fail") => Some(OnUnreachable::Fail),
        Some("skip") => Some(OnUnreachable::Skip),
        Some("warn") => Some(OnUnreachable::Warn),
        _ => None,
    };
    settings.on_undecided = if text("onUndecided") == Some("warn") { OnUndecided::Warn } else { OnUndecided::Fail };
    let bound = |name: &str| smoke.pointer(&format!("/require/{name}")).and_then(Value::as_f64);
    settings.require = Requirements {
        p50_ms: bound("p50Ms"),
        p95_ms: bound("p95Ms"),
        p99_ms: bound("p99Ms"),
        p999_ms: bound("p999Ms"),
        max_ms: bound("maxMs"),
        max_gap_ms: bound("maxGapMs"),
        error_rate: bound("errorRate"),
        hit_rate: bound("hitRate"),
        ops_per_second: bound("opsPerSecond"),
    };
    settings
}

/// `uniform`, `zipf`, `zipf:S`.
fn distribution(text: &str) -> Distribution {
    match text.split_once(':') {
        Some((_, exponent)) => Distribution::Zipf(exponent.parse().unwrap_or(1.0)),
        None if text == "zipf" => Distribution::Zipf(1.0),
        None => Distribution::Uniform,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_of_a_spec_has_its_setting() {
        let declared = json!({
            "patterns": ["lock"], "duration": "2s", "clients": 3, "pipeline": 4, "rate": 5.5, "readRatio": 0.25,
            "keys": 77, "distribution": "zipf:0.99", "valueSize": 9, "maxBytes": 1000, "keyPrefix": "app:",
            "readOnly": true, "timeout": "700ms", "onUndecided": "warn", "onUnreachable": "skip",
            "require": {"p50Ms": 1, "p95Ms": 2, "p99Ms": 3, "p999Ms": 4, "maxMs": 5, "maxGapMs": 6, "errorRate": 0.1,
                "hitRate": 0.9, "opsPerSecond": 10},
        });
        let settings = settings(Some(&declared));
        assert_eq!(settings.patterns.len(), 1);
        assert_eq!((settings.clients, settings.pipeline, settings.keys, settings.value_size), (3, 4, 77, 9));
        assert_eq!((settings.rate, settings.read_ratio), (Some(5.5), 0.25));
        assert_eq!(settings.distribution, Distribution::Zipf(0.99));
        assert_eq!((settings.max_bytes, settings.read_only), (Some(1000), true));
        assert_eq!((settings.duration.as_secs(), settings.timeout.as_millis()), (2, 700));
        assert!(settings.key_prefix.starts_with("app:"));
        assert_eq!(settings.on_undecided, OnUndecided::Warn);
        assert_eq!(settings.on_unreachable, Some(OnUnreachable::Skip));
        let require = settings.require;
        assert_eq!((require.p50_ms, require.max_gap_ms, require.ops_per_second), (Some(1.0), Some(6.0), Some(10.0)));
        assert!([require.p95_ms, require.p99_ms, require.p999_ms, require.max_ms].iter().all(Option::is_some));
        assert!(require.error_rate.is_some() && require.hit_rate.is_some());
    }
}
