//! Maintenance and snapshot windows.

use super::{Check, GROUP, Rule, finder::Finder};
use crate::model::Resource;

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    Rule { code: "window-length", check: Check::Resource(GROUP, length),
        why: "A maintenance window and a snapshot window have at least 60 minutes. Both may go over midnight, and the first over the end of the week.",
        source: "API reference, CreateReplicationGroup: PreferredMaintenanceWindow, SnapshotWindow; Terraform documentation" },
];

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY: u32 = 24 * 60;

fn length(finder: &mut Finder<'_>, group: &Resource) {
    let windows = [
        ("snapshotWindow", DAY, "the snapshot window", "such as 03:00-04:00"),
        ("preferredMaintenanceWindow", 7 * DAY, "the maintenance window", "such as sun:05:00-sun:06:00"),
    ];
    for (field, cycle, name, example) in windows {
        let Some((from, to)) = group.text(field).and_then(|window| window.split_once('-')) else { continue };
        let Some((from, to)) = minute(from).zip(minute(to)) else { continue };
        let minutes = (to + cycle - from) % cycle;
        if minutes < 60 {
            finder.error(
                group,
                &[(field, &format!("{minutes} minutes"))],
                format!("{name} is shorter than 60 minutes"),
                format!("AWS wants at least an hour, {example}"),
            );
        }
    }
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
