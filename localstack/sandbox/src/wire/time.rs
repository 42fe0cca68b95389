//! Times as the protocols write them, without a calendar crate.

const DAY_MS: i64 = 86_400_000;

/// `2026-11-24T05:41:41.123Z` from milliseconds since 1970.
pub(crate) fn to_iso(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let rest = ms.rem_euclid(DAY_MS);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

/// Seconds since 1970 from `2026-11-24T05:41:41(.123)Z`.
pub(crate) fn parse_iso(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('Z');
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let clock = clock.split('+').next()?;
    let mut parts = clock.splitn(3, ':');
    let hour: f64 = parts.next()?.parse().ok()?;
    let minute: f64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a day number is small")]
    let days = days_from_civil(year, month, day) as f64;
    Some(days * 86_400.0 + hour * 3600.0 + minute * 60.0 + second)
}

/// Proleptic Gregorian date of a day number (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::{parse_iso, to_iso};

    #[test]
    fn a_time_survives_its_text() {
        for ms in [0, 951_782_400_000, 1_795_498_901_123] {
            let text = to_iso(ms);
            let back = parse_iso(&text).map(|s| (s * 1000.0).round());
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let want = ms as f64;
            assert_eq!(back, Some(want), "{text}");
        }
        assert_eq!(to_iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }
}
