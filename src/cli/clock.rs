//! The one place that looks at the clock; everything below takes time as a value.

use std::time::SystemTime;

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

/// Another time in the same form.
pub fn precise_at(time: SystemTime) -> String {
    let time = UtcDateTime::from(time);
    let (hour, minute, second) = time.as_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{:03}Z", time.date(), time.millisecond())
}

/// `20261124-060000`, for names.
pub fn compact() -> String {
    timestamp().replace(['-', ':', 'Z'], "").replace('T', "-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_precise_time_has_milliseconds() {
        let time = |millis| std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(millis);
        assert_eq!(super::precise_at(time(1_795_500_000_000)), "2026-11-24T06:00:00.000Z");
        assert_eq!(super::precise_at(time(1_795_500_000_042)), "2026-11-24T06:00:00.042Z");
        assert_eq!(super::precise().len(), 24);
    }

    #[test]
    fn a_compact_time_is_fit_for_a_snapshot_name() {
        let text = super::compact();
        assert_eq!(text.len(), 15, "{text}");
        assert!(text.chars().all(|c| c.is_ascii_digit() || c == '-'));
    }
}
