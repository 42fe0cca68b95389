//! Maintenance and snapshot windows.

use super::{Check, GROUP, Rule, finder::Finder};
use crate::model::Resource;
use crate::resource::replication_group::windows;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "window-length", check: Check::Resource(GROUP, length),
        why: "A maintenance window and a snapshot window have at least 60 minutes, a maintenance window at most 24 hours. Both may go over midnight, and the first over the end of the week.",
        source: "API reference, CreateReplicationGroup: PreferredMaintenanceWindow, SnapshotWindow; AWS guide, maintenance windows; Terraform documentation" },
    Rule { code: "windows-overlap", check: Check::Resource(GROUP, overlap),
        why: "The daily snapshot window must not touch the weekly maintenance window (\"The snapshot window and maintenance window must not overlap.\"), also where no snapshots are kept.",
        source: "hashicorp/terraform issue 17247; ministryofjustice/cloud-platform-environments pull request 13360. No page of AWS says it" },
];

fn length(finder: &mut Finder<'_>, group: &Resource) {
    let windows = [
        ("snapshotWindow", windows::DAY, "the snapshot window", "such as 03:00-04:00"),
        ("preferredMaintenanceWindow", windows::WEEK, "the maintenance window", "such as sun:05:00-sun:06:00"),
    ];
    for (field, cycle, name, example) in windows {
        let Some(window) = group.text(field).and_then(|text| windows::parse(text, cycle)) else { continue };
        let minutes = window.minutes;
        if minutes < 60 {
            finder.error(
                group,
                &[(field, &format!("{minutes} minutes"))],
                format!("{name} is shorter than 60 minutes"),
                format!("AWS requires at least an hour, {example}"),
            );
        } else if minutes > windows::DAY {
            finder.error(
                group,
                &[(field, &format!("{} hours", minutes / 60))],
                format!("{name} is longer than 24 hours"),
                format!("AWS takes a day at most, {example}"),
            );
        }
    }
}

fn overlap(finder: &mut Finder<'_>, group: &Resource) {
    let (snapshot, maintenance) = ("snapshotWindow", "preferredMaintenanceWindow");
    let (Some(daily), Some(weekly)) = (group.text(snapshot), group.text(maintenance)) else { return };
    if windows::overlap(daily, weekly) {
        finder.error(
            group,
            &[(snapshot, "every day"), (maintenance, "and this on the same hours")],
            "the snapshot window and the maintenance window overlap",
            "move one of them",
        );
    }
}
