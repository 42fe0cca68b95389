//! Rules for what stands at the head of a spec: who calls, and what the policy lets through.

use serde_json::Value;

use super::finder::Finder;
use super::{Check, Rule};
use crate::model::day::is_day;
use crate::spec::diagnostic::Severity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "no-such-day", check: Check::Spec(waivers),
        why: "A waiver until a day that no calendar has would never end, or end when nobody expects it.", source: "the calendar" },
    Rule { code: "role-needed", check: Check::Spec(role),
        why: "An external id and a session name go with a role. Without `roleArn` the calls would be made as another identity.", source: "API AssumeRole" },
];

fn waivers(finder: &mut Finder<'_>) {
    let spec = finder.spec;
    for (index, waiver) in spec.policy.get("waivers").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Some(until) = waiver.get("until").and_then(Value::as_str).filter(|until| !is_day(until)) else { continue };
        finder.report(
            Severity::Error,
            &format!("policy.waivers[{index}]"),
            &[("until", "no such day")],
            format!("there is no day {until}"),
            "write the waiver's last day as YEAR-MONTH-DAY, such as 2027-03-31".to_owned(),
        );
    }
}

fn role(finder: &mut Finder<'_>) {
    let spec = finder.spec;
    if spec.aws.contains_key("roleArn") {
        return;
    }
    for field in ["externalId", "sessionName"].into_iter().filter(|field| spec.aws.contains_key(*field)) {
        finder.report(
            Severity::Error,
            "aws",
            &[(field, "there is no roleArn that this goes with")],
            format!("`{field}` without `roleArn` does nothing"),
            "add `roleArn`, the role that is taken on, or take the field out".to_owned(),
        );
    }
}
