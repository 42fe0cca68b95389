//! Windows in which AWS works on a group: daily for snapshots, weekly for maintenance. Both are UTC.

/// Minutes of a day.
pub const DAY: u32 = 24 * 60;
/// Minutes of a week, which begins on Sunday.
pub const WEEK: u32 = 7 * DAY;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A stretch of a cycle: a day, or a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Minutes after the cycle's begin.
    pub start: u32,
    /// How long it is; it may go over the cycle's end.
    pub minutes: u32,
}

/// Reads `03:00-04:00` or `sun:05:00-sun:06:00`.
pub fn parse(text: &str, cycle: u32) -> Option<Window> {
    let (from, to) = text.split_once('-')?;
    let (start, end) = (minute(from)?, minute(to)?);
    Some(Window { start, minutes: (end + cycle - start) % cycle })
}

/// Of the week for `sun:05:00`, of the day for `05:00`.
fn minute(text: &str) -> Option<u32> {
    let mut parts = text.rsplit(':');
    let (minutes, hours): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let day = match parts.next() {
        None => 0,
        Some(day) => DAYS.iter().position(|name| name.eq_ignore_ascii_case(day))? as u32,
    };
    Some(day * DAY + hours * 60 + minutes)
}

/// Does the daily window meet the weekly one on any day? Windows that only touch do not.
pub fn overlap(daily: &str, weekly: &str) -> bool {
    let (Some(daily), Some(weekly)) = (parse(daily, DAY), parse(weekly, WEEK)) else { return false };
    // From where one of two begins, the other begins later in the week; they meet where that is before its end.
    let meets = |start: u32, minutes: u32, other: u32| (other + WEEK - start) % WEEK < minutes;
    (0..7)
        .map(|day| (day * DAY + daily.start) % WEEK)
        .any(|start| meets(start, daily.minutes, weekly.start) || meets(weekly.start, weekly.minutes, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_window_meets_the_weekly_one_on_its_day_whichever_begins_first_and_across_midnight() {
        for (daily, weekly, wanted) in [
            ("05:00-06:00", "sun:05:30-sun:06:30", true),
            ("05:30-06:30", "sun:05:00-sun:06:00", true),
            ("04:00-05:00", "sun:05:00-sun:06:00", false),
            ("06:00-07:00", "sun:05:00-sun:06:00", false),
            ("23:30-00:30", "sat:23:00-sun:00:15", true),
            ("00:00-01:00", "sat:23:30-sun:00:30", true),
            ("02:00-03:00", "mon:01:00-mon:04:00", true),
            ("01:00-04:00", "MON:02:00-MON:03:00", true),
            ("12:00-13:00", "fri:13:00-sat:12:00", false),
            ("12:00-13:00", "fri:13:00-sat:12:30", true),
        ] {
            assert_eq!(overlap(daily, weekly), wanted, "{daily} {weekly}");
        }
    }
}
