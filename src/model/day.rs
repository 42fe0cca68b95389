//! Days of the calendar, as `2027-03-31`: text that sorts as the days do.

use time::{Date, Month};

/// Is this text a day of the calendar, as `yyyy-mm-dd`?
pub fn is_day(text: &str) -> bool {
    parse(text).is_some()
}

/// The day, where there is such a one.
fn parse(text: &str) -> Option<Date> {
    let digits = |part: &str, count: usize| {
        (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok())?
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(month, 2)?).ok()?).ok()?;
    Date::from_calendar_date(digits(year, 4)?.into(), month, u8::try_from(digits(day, 2)?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_no_calendar_has_is_no_day() {
        for day in ["2027-03-31", "2028-02-29", "2000-02-29", "9999-12-31"] {
            assert!(parse(day).is_some(), "{day}");
        }
        for no_day in [
            "2027-99-31",
            "2027-02-30",
            "2027-02-29",
            "1900-02-29",
            "2027-00-10",
            "2027-1-1",
            "2027-01-01-",
            "27-01-01",
            "",
        ] {
            assert!(parse(no_day).is_none(), "{no_day}");
        }
    }
}
