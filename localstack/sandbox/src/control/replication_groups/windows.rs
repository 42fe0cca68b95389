//! The weekly maintenance window and the daily snapshot window.

use crate::refusal::Refusal;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY: usize = 24 * 60;
const WEEK: usize = 7 * DAY;

/// `sun:05:00-sun:09:00`, an hour to a day long.
pub(crate) fn maintenance_window(text: &str) -> Result<String, Refusal> {
    let text = text.to_ascii_lowercase();
    let refuse = |why: &str| {
        Refusal::invalid_value(format!("Invalid maintenance window: {text}. {why} (format ddd:hh24:mi-ddd:hh24:mi)"))
    };
    let (from, to) = week_span(&text).ok_or_else(|| refuse("It does not parse."))?;
    match (to + WEEK - from) % WEEK {
        0..60 => Err(refuse("The minimum maintenance window is a 60 minute period.")),
        length if length > DAY => Err(refuse("The maintenance window must be at most 24 hours.")),
        _ => Ok(text),
    }
}

/// `03:00-04:00`, at least an hour long.
pub(crate) fn snapshot_window(text: &str) -> Result<(), Refusal> {
    match day_span(text) {
        Some((from, to)) if (to + DAY - from) % DAY >= 60 => Ok(()),
        // TF pull request 2153.
        Some(_) => Err(Refusal::invalid_value("Snapshot window must be at least 60 minutes.")),
        None => Err(Refusal::invalid_value(format!("Invalid snapshot window: {text} (format hh24:mi-hh24:mi)"))),
    }
}

/// Also with backups off (hashicorp/terraform issue 17247).
pub(crate) fn apart(maintenance: &str, snapshot: &str) -> Result<(), Refusal> {
    if overlap(maintenance, snapshot) {
        return Err(Refusal::invalid_value("The snapshot window and maintenance window must not overlap."));
    }
    Ok(())
}

fn overlap(maintenance: &str, snapshot: &str) -> bool {
    let (Some((from, to)), Some((opens, closes))) = (week_span(maintenance), day_span(snapshot)) else {
        return false;
    };
    let (length, snapshot_length) = ((to + WEEK - from) % WEEK, (closes + DAY - opens) % DAY);
    (0..7).any(|day| {
        let opens = day * DAY + opens;
        // Two spans on a circle meet when one begins within the other.
        (opens + WEEK - from) % WEEK < length || (from + WEEK - opens) % WEEK < snapshot_length
    })
}

/// AWS spreads windows over the week; here a name decides, so that runs can be compared. AWS's choice can collide with
/// a declared window; this one makes way for it.
pub(crate) fn fill_in(id: &str, maintenance: Option<String>, snapshot: Option<String>) -> (String, String) {
    let sum: usize = id.bytes().map(usize::from).sum();
    let (day, hour) = (DAYS[sum % 7], 5 + sum % 4);
    let own_maintenance = |shift: usize| {
        let hour = (hour + shift) % 23;
        format!("{day}:{hour:02}:30-{day}:{:02}:30", hour + 1)
    };
    let own_snapshot = |shift: usize| {
        let hour = (hour - 4 + shift) % 23;
        format!("{hour:02}:00-{:02}:00", hour + 1)
    };
    let free = |candidates: &dyn Fn(usize) -> String, is_taken: &dyn Fn(&str) -> bool| {
        let found = (0..23).map(candidates).find(|candidate| !is_taken(candidate));
        found.unwrap_or_else(|| candidates(0))
    };
    match (maintenance, snapshot) {
        (Some(maintenance), Some(snapshot)) => (maintenance, snapshot),
        (Some(maintenance), None) => {
            let snapshot = free(&own_snapshot, &|candidate| overlap(&maintenance, candidate));
            (maintenance, snapshot)
        }
        (None, Some(snapshot)) => (free(&own_maintenance, &|candidate| overlap(candidate, &snapshot)), snapshot),
        (None, None) => (own_maintenance(0), own_snapshot(0)),
    }
}

/// Minutes of the week.
fn week_span(text: &str) -> Option<(usize, usize)> {
    let moment = |part: &str| {
        let (day, clock) = part.split_once(':')?;
        let day = DAYS.iter().position(|name| *name == day)?;
        Some(day * DAY + minutes(clock)?)
    };
    let (from, to) = text.split_once('-')?;
    Some((moment(from)?, moment(to)?))
}

fn day_span(text: &str) -> Option<(usize, usize)> {
    let (from, to) = text.split_once('-')?;
    Some((minutes(from)?, minutes(to)?))
}

/// `hh:mm` as minutes of the day.
pub(crate) fn minutes(clock: &str) -> Option<usize> {
    let (hour, minute) = clock.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (usize, usize) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_at_least_an_hour() {
        assert_eq!(maintenance_window("SUN:05:00-sun:09:00"), Ok("sun:05:00-sun:09:00".into()));
        assert!(maintenance_window("sat:23:30-sun:00:30").is_ok());
        assert!(maintenance_window("sun:05:00-sun:05:30").is_err());
        assert!(maintenance_window("sun:05:00-mon:06:00").is_err());
        assert!(maintenance_window("05:00-06:00").is_err());
        assert!(snapshot_window("23:30-00:30").is_ok());
        assert!(snapshot_window("03:00-03:59").is_err());
    }

    #[test]
    fn windows_overlap_on_the_day_of_the_maintenance_only() {
        for (maintenance, snapshot) in [
            ("sun:05:00-sun:06:00", "05:30-06:30"),
            ("sun:05:00-sun:06:00", "04:00-07:00"),
            ("sun:23:30-mon:00:30", "00:00-01:00"),
            ("sat:23:30-sun:00:30", "23:00-00:00"),
            ("sun:05:00-sun:06:00", "23:00-22:00"),
        ] {
            assert!(overlap(maintenance, snapshot), "{maintenance} {snapshot}");
        }
        for (maintenance, snapshot) in [("sun:05:00-sun:06:00", "06:00-07:00"), ("sun:05:00-sun:06:00", "04:00-05:00")]
        {
            assert!(!overlap(maintenance, snapshot), "{maintenance} {snapshot}");
        }
    }

    #[test]
    fn what_is_filled_in_makes_way() {
        let (maintenance, snapshot) = fill_in("g", None, None);
        for hour in 0..23 {
            let taken = format!("{hour:02}:00-{:02}:00", hour + 1);
            assert!(!overlap(&fill_in("g", None, Some(taken.clone())).0, &taken));
        }
        assert!(!overlap(&maintenance, &snapshot));
    }
}
