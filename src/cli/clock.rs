//! The one place that looks at the clock; everything below takes time as a value.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

fn now() -> String {
    DateTime::from(SystemTime::now()).fmt(Format::DateTime).unwrap_or_default()
}

/// `2026-11-24`
pub fn today() -> String {
    now().chars().take(10).collect()
}

/// `2026-11-24T06:00:00Z`
pub fn timestamp() -> String {
    let now = now();
    format!("{}Z", now.split(['.', 'Z']).next().unwrap_or_default())
}

/// `20261124-060000`, for names.
pub fn compact() -> String {
    timestamp()
        .chars()
        .filter(char::is_ascii_digit)
        .enumerate()
        .flat_map(|(at, digit)| if at == 8 { vec!['-', digit] } else { vec![digit] })
        .collect()
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
