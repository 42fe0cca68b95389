//! cachectl's own settings of a group's failover drill.

use crate::model::shape::{Field, Shape, integer};

/// What a spec may say under `drill`: the bounds that a failover of the group must keep to.
pub const DRILL: Shape = Shape::Object(&[Field::new(
    "require",
    "",
    Shape::Object(REQUIRE),
    "What must hold for `cachectl drill failover`, and with `apply --canary`, to pass.",
)]);

/// The bounds; gaps count from one answer to the next.
const REQUIRE: &[Field] = &[
    Field::new("maxWriteGap", "", Shape::Duration, "Longest time without an acknowledged write, such as 30s."),
    Field::new("maxReadGap", "", Shape::Duration, "Longest time without an answered read, such as 5s."),
    Field::new(
        "maxLostWrites",
        "",
        integer(0, 1_000_000),
        "Acknowledged writes that may be gone afterwards, those that a replica had confirmed included.",
    ),
    Field::new(
        "maxRestore",
        "",
        Shape::Duration,
        "Longest time until every node is back and AWS calls the group available, such as 10m.",
    ),
];
