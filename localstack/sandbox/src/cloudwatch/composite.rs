//! Composite alarms: a rule over other alarms.

use crate::cloudwatch::alarms;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// AWS's limits of a rule (API model, AlarmRule).
const MOST_CHILDREN: usize = 100;
const MOST_ELEMENTS: usize = 500;
const FUNCTIONS: [&str; 3] = ["ALARM", "OK", "INSUFFICIENT_DATA"];

pub(crate) fn put(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let validation = |text: String| Refusal::bad("ValidationError", text);
    alarms::check::common(input)?;
    let rule = input.text("AlarmRule").unwrap_or_default();
    if rule.is_empty() || rule.chars().count() > 10_240 {
        return Err(validation("AlarmRule must be between 1 and 10240 characters long.".into()));
    }
    let depth = rule.chars().try_fold(0_i32, |depth, c| match c {
        '(' => Some(depth + 1),
        ')' if depth == 0 => None,
        ')' => Some(depth - 1),
        _ => Some(depth),
    });
    if depth != Some(0) {
        return Err(validation(format!("AlarmRule contains unbalanced parentheses: {rule}")));
    }
    let constants = constants(&rule);
    let children = children(&rule);
    if children.len() > MOST_CHILDREN {
        return Err(validation(format!("AlarmRule must not refer to more than {MOST_CHILDREN} alarms.")));
    }
    if references(&rule).len() + constants + groups(&rule) > MOST_ELEMENTS {
        return Err(validation(format!("AlarmRule must not have more than {MOST_ELEMENTS} elements.")));
    }
    let is_constant = constants > 0;
    if children.is_empty() && !is_constant {
        return Err(validation(format!("AlarmRule refers to no alarm: {rule}")));
    }
    let unknown: Vec<&str> =
        children.iter().filter(|name| !state.monitoring.alarms.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        // awsdocs/aws-cloudformation-user-guide issue 911.
        return Err(validation(format!(
            "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
            unknown.join(", ")
        )));
    }
    suppressor(state, input)?;
    alarms::check::action_configuration(input)?;
    alarms::store(state, input, alarms::Type::Composite)
}

/// An alarm that silences this one comes with how long it may take to do so and how long it goes on (API model).
fn suppressor(state: &State, input: &Input) -> Result<(), Refusal> {
    const PERIODS: [&str; 2] = ["ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"];
    let validation = |text: String| Refusal::bad("ValidationError", text);
    let Some(suppressor) = input.text("ActionsSuppressor") else {
        return match PERIODS.iter().find(|member| input.has(member)) {
            None => Ok(()),
            Some(member) => Err(validation(format!("{member} requires ActionsSuppressor."))),
        };
    };
    let name = suppressor.split_once(":alarm:").map_or(suppressor.as_str(), |(_, name)| name);
    if !state.monitoring.alarms.contains_key(name) {
        return Err(validation(format!("The actions suppressor {name} does not exist.")));
    }
    match PERIODS.iter().find(|member| !input.has(member)) {
        None => Ok(()),
        Some(member) => Err(validation(format!("ActionsSuppressor requires {member}."))),
    }
}

/// The alarms a rule names: `ALARM("a b")`, `OK(c)`, `ALARM(arn:…:alarm:d)`.
pub(crate) fn children(rule: &str) -> Vec<String> {
    let mut found = references(rule);
    let mut known = std::collections::BTreeSet::new();
    found.retain(|name| known.insert(name.clone()));
    found
}

/// Each place of a rule that names an alarm.
fn references(rule: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = rule;
    while let Some(open) = rest.find('(') {
        let before = rest[..open].trim_end();
        let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        let inside = &rest[open + 1..];
        if !FUNCTIONS.contains(&word) {
            rest = inside;
            continue;
        }
        // A quoted name may hold parentheses of its own.
        let quoted = inside.trim_start().strip_prefix('"').and_then(|quoted| quoted.split_once('"'));
        let (name, after) = quoted.or_else(|| inside.split_once(')')).unwrap_or((inside, ""));
        let name = name.trim().trim_matches(['"', '\'']);
        found.push(name.split_once(":alarm:").map_or(name, |(_, name)| name).to_owned());
        rest = after;
    }
    found
}

/// Pairs of parentheses that hold no alarm's name.
fn groups(rule: &str) -> usize {
    rule.matches('(').count().saturating_sub(references(rule).len())
}

fn constants(rule: &str) -> usize {
    let words = rule.split(|c: char| c.is_whitespace() || "()".contains(c));
    words.filter(|word| ["TRUE", "FALSE"].contains(word)).count()
}

#[cfg(test)]
mod tests {
    use super::children;

    #[test]
    fn a_rule_names_its_alarms() {
        let rule = "(ALARM(\"a b\") AND NOT OK(c)) OR ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:d)";
        assert_eq!(children(rule), ["a b", "c", "d"]);
        assert!(children("TRUE").is_empty());
    }
}
