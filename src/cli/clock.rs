//! The one place that looks at the clock; everything below takes time as a value.

use time::UtcDateTime;

/// `2026-11-24`
pub fn today() -> String {
    UtcDateTime::now().date().to_string()
}

/// `2026-11-24T06:00:00Z`
pub fn timestamp() -> String {
    let now = UtcDateTime::now();
    format!("{}T{:02}:{:02}:{:02}Z", now.date(), now.hour(), now.minute(), now.second())
}

/// `2026-11-24T06:00:00.123Z`
pub fn precise() -> String {
    precise_at(SystemTime::now())
}

/// The same of another time.
pub fn precise_at(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    at_millis(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// A time in milliseconds since 1970, always with its three digits after the point.
fn at_millis(millis: i64) -> String {
    let seconds = DateTime::from_secs(millis.div_euclid(1_000)).fmt(Format::DateTime).unwrap_or_default();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis.rem_euclid(1_000))
}

/// `20261124-060000`, for names.
pub fn compact() -> String {
    timestamp().replace(['-', ':', 'Z'], "").replace('T', "-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_precise_time_has_milliseconds() {
        assert_eq!(super::at_millis(1_795_500_000_000), "2026-11-24T06:00:00.000Z");
        assert_eq!(super::at_millis(1_795_500_000_042), "2026-11-24T06:00:00.042Z");
        assert_eq!(super::precise().len(), 24);
    }

    #[test]
    fn a_compact_time_is_fit_for_a_snapshot_name() {
        let text = super::compact();
        assert_eq!(text.len(), 15, "{text}");
        assert!(text.chars().all(|c| c.is_ascii_digit() || c == '-'));
    }
}
