//! cachectl's own settings of a cache: life cycle and alarms.

use serde_json::Value;

use super::alarm_preset;
use crate::model::attribute::{Attribute, Impact, Read, Route};
use crate::model::live::View;
use crate::model::shape::{ARN, Field, Keys, Shape, TAGS, integer, list, pattern, text};

/// What a spec may say under `lifecycle`: how a cache may end, and what is left alone.
pub const LIFECYCLE: Shape = Shape::Object(&[
    Field::new(
        "protect",
        "",
        Shape::Bool,
        "Refuse to delete or replace the cache, whatever is allowed on the command line. Kept in a tag, so that it outlives the spec. Default false.",
    ),
    Field::new(
        "finalSnapshot",
        "",
        Shape::Bool,
        "Take a final snapshot before the cache is deleted or replaced. Default true.",
    ),
    Field::new("ignore", "", list(&text(128), 0, 64), "Attributes whose differences are left alone."),
]);

const OVERRIDE: Shape = Shape::OrNone(&Shape::Object(&[
    Field::new("threshold", "", Shape::Number, "Alarm threshold, in the metric's unit."),
    Field::new("period", "", integer(10, 86_400), "Seconds that one datapoint covers."),
    Field::new("evaluationPeriods", "", integer(1, 10_080), "Datapoints that are looked at."),
    Field::new("datapointsToAlarm", "", integer(1, 10_080), "Datapoints of those that must breach."),
    Field::new(
        "statistic",
        "",
        Shape::Enum(&["SampleCount", "Average", "Sum", "Minimum", "Maximum"]),
        "Statistic over one period.",
    ),
    Field::new(
        "treatMissingData",
        "",
        Shape::Enum(&["breaching", "notBreaching", "ignore", "missing"]),
        "What a period without data counts as.",
    ),
]));

/// What a spec may say under `alarms`: a preset with changes to it, or `none`.
pub const ALARMS: Shape = Shape::OrNone(&Shape::Object(&[
    Field::new(
        "preset",
        "",
        Shape::Enum(&alarm_preset::PRESETS),
        "Which alarms every member of the cache gets; they follow the topology. `recommended`: CloudWatch's own recommendations and AWS's limits; `article`: hit rate, evictions, memory, lag, connections, network and engine CPU.",
    )
    .required(),
    Field::new(
        "alarmActions",
        "",
        list(&ARN, 0, 5),
        "ARNs that are notified when an alarm fires, usually one SNS topic.",
    ),
    Field::new("okActions", "", list(&ARN, 0, 5), "ARNs that are notified when an alarm recovers."),
    Field::new("insufficientDataActions", "", list(&ARN, 0, 5), "ARNs that are notified when an alarm has no data."),
    Field::new(
        "override",
        "",
        Shape::Map { of: &OVERRIDE, keys: Keys::Any },
        "Changes to single alarms of the preset, by metric; `none` leaves one out.",
    ),
]));

/// The row of the tags, alike for every kind.
pub const TAGS_ROW: Attribute = Attribute::new(
    Field::new("tags", "Tags", TAGS, "Tags, over those of the stack. `null` removes one; others are left alone."),
    Read::Never,
    Route::Whole,
    Impact::None,
    "",
)
.later();

/// The description of what is declared without one, where AWS wants one.
pub const MANAGED: &str = "Managed by cachectl";

/// A description that says something, and that somebody wrote.
pub fn not_blank(_view: &View<'_>, value: Value) -> Option<Value> {
    text_of(value.as_str().filter(|text| *text != MANAGED)?)
}

/// The text as a value of a spec; `None` where it is empty.
pub fn text_of(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

/// A weekly window in UTC, such as `sun:05:00-sun:06:00`, in lower or upper case.
pub const WINDOW: Shape = pattern(
    "^(sun|mon|tue|wed|thu|fri|sat|SUN|MON|TUE|WED|THU|FRI|SAT):([01][0-9]|2[0-3]):[0-5][0-9]-(sun|mon|tue|wed|thu|fri|sat|SUN|MON|TUE|WED|THU|FRI|SAT):([01][0-9]|2[0-3]):[0-5][0-9]$",
    64,
    "sun:05:00-sun:06:00",
);
/// A daily window in UTC, such as `03:00-04:00`.
pub const DAILY_WINDOW: Shape =
    pattern("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", 11, "03:00-04:00");
