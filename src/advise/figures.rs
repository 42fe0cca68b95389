//! Figures: one number each, with its threshold and where it comes from.

use super::LEAST_HOURS;
use super::course::Course;
use crate::model::advice::{Figure, FigureStatus};

/// Which side of its threshold a figure should be on.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
    /// For information.
    None,
    /// There would be one, and it is not known.
    Unknown,
}

/// A figure of a course. Under a day of hours it is shown and not judged.
pub(super) fn figure(
    name: &'static str,
    value: Option<f64>,
    unit: &'static str,
    bound: Bound,
    course: &Course,
    source: String,
) -> Figure {
    let judged = course.hours() >= LEAST_HOURS;
    let (threshold, well) = match bound {
        Bound::AtMost(most) => (Some(most), value.map(|value| value <= most)),
        Bound::Below(most) => (Some(most), value.map(|value| value < most)),
        Bound::AtLeast(least) => (Some(least), value.map(|value| value >= least)),
        Bound::None => (None, Some(true)),
        Bound::Unknown => (None, None),
    };
    let status = match (bound, well) {
        (Bound::None, _) if value.is_some() => FigureStatus::Info,
        _ if !judged => FigureStatus::Unknown,
        (_, Some(true)) if value.is_some() => FigureStatus::Ok,
        (_, Some(false)) => FigureStatus::Warn,
        _ => FigureStatus::Unknown,
    };
    Figure { name, value: value.map(rounded), unit, threshold, status, source, sparkline: course.sparkline() }
}

/// Four digits that count.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let factor = 10f64.powi(digits.clamp(0, 9));
    (value * factor).round() / factor
}

/// `10.5 GB`
pub fn bytes(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.2} GB", value / 1e9),
        value if value >= 1e6 => format!("{:.1} MB", value / 1e6),
        value => format!("{:.0} kB", value / 1e3),
    }
}

/// `1.2 million`
pub fn many(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.1} billion", value / 1e9),
        value if value >= 1e6 => format!("{:.1} million", value / 1e6),
        value if value >= 1e4 => format!("{:.0} thousand", value / 1e3),
        value => format!("{value:.0}"),
    }
}
