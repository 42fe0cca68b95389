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

/// `20261124-060000`, for names.
pub fn compact() -> String {
    timestamp().replace(['-', ':', 'Z'], "").replace('T', "-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_compact_time_is_fit_for_a_snapshot_name() {
        let text = super::compact();
        assert_eq!(text.len(), 15, "{text}");
        assert!(text.chars().all(|c| c.is_ascii_digit() || c == '-'));
    }
}
