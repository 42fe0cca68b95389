//! The rules of composite alarms: which alarms one names, and what AWS takes.

use std::collections::BTreeSet;

/// AWS takes rules up to this length.
pub const LONGEST: usize = 10_240;
/// A rule names this many alarms at most.
pub const MOST_CHILDREN: usize = 100;
/// A rule has this many elements at most: alarms, TRUE and FALSE, and parentheses.
pub const MOST_ELEMENTS: usize = 500;

const STATES: [&str; 3] = ["ALARM", "OK", "INSUFFICIENT_DATA"];

/// What a rule is made of, but for its operators.
#[derive(Debug, PartialEq, Eq)]
enum Element<'a> {
    Child(&'a str),
    Constant,
    /// A parenthesis that groups, with the one that closes it.
    Group,
}

/// The rule that is any alarm of these, such as `ALARM("one") OR ALARM("two")`.
pub fn any_of(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("ALARM(\"{name}\")")).collect::<Vec<_>>().join(" OR ")
}

/// Is the rule any alarm of these, and of no other?
pub fn is_any_of(rule: &str, names: &BTreeSet<String>) -> bool {
    !names.is_empty() && plain(rule) == plain(&any_of(names))
}

/// A rule without white space that means nothing; within quotation marks it is part of a name.
pub fn plain(rule: &str) -> String {
    let parts = rule.split('"').enumerate().map(|(at, part)| match at % 2 {
        0 => folded(part),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("\"").trim().to_owned()
}

/// White space as one blank, at the ends too.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
        if c != ' ' || !out.ends_with(' ') {
            out.push(c);
        }
    }
    out
}

/// The alarms that a rule names, such as those of `ALARM("one") OR ALARM(two)`. A name can stand there as an ARN, too.
pub fn named_in(rule: &str) -> BTreeSet<String> {
    elements(rule)
        .into_iter()
        .filter_map(|element| match element {
            Element::Child(name) => Some(name.to_owned()),
            Element::Constant | Element::Group => None,
        })
        .collect()
}

/// Why AWS takes no rule that is any of these alarms; `None` where it takes one, as far as can be told.
pub fn unfit_for_any_of(names: &BTreeSet<String>) -> Option<String> {
    match names.iter().find(|name| name.contains('"')) {
        Some(name) => Some(format!("the alarm `{name}` has a quotation mark in its name, and no rule can name it")),
        None => unfit(&any_of(names)),
    }
}

/// Why AWS does not take a rule of this size; `None` where its size is fine.
///
/// Parentheses are counted by pairs, so that what is said is true whichever way AWS counts them.
pub fn unfit(rule: &str) -> Option<String> {
    let (length, children, elements) = (rule.chars().count(), named_in(rule).len(), elements(rule).len());
    if children > MOST_CHILDREN {
        Some(format!("the rule names {children} alarms, and AWS takes {MOST_CHILDREN}"))
    } else if elements > MOST_ELEMENTS {
        Some(format!("the rule has {elements} elements, and AWS takes {MOST_ELEMENTS}"))
    } else if length > LONGEST {
        Some(format!("the rule has {length} characters, and AWS takes {LONGEST}"))
    } else {
        None
    }
}

fn elements(rule: &str) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    let mut rest = rule;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !is_part(first) {
            found.extend((first == '(').then_some(Element::Group));
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(rest.find(|c: char| !is_part(c)).unwrap_or(rest.len()));
        rest = after;
        let is = |known: &&str| known.eq_ignore_ascii_case(word);
        if STATES.iter().any(is)
            && let Some(argument) = after.trim_start().strip_prefix('(')
        {
            let (name, after) = child(argument);
            found.push(Element::Child(name));
            rest = after;
        } else if ["TRUE", "FALSE"].iter().any(is) {
            found.push(Element::Constant);
        }
    }
    found
}

/// The name in a state's parentheses, and what stands after them.
fn child(argument: &str) -> (&str, &str) {
    let inner = argument.trim_start();
    let (name, after) = match inner.strip_prefix('"') {
        Some(quoted) => {
            let (name, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            (name, after.split_once(')').map_or("", |(_, after)| after))
        }
        None => inner.split_once(')').unwrap_or((inner, "")),
    };
    (without_arn(name.trim()), after)
}

/// The name in an alarm's ARN, or the name itself.
pub fn without_arn(name: &str) -> &str {
    name.split_once(":alarm:").filter(|_| name.starts_with("arn:")).map_or(name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_its_children_quoted_plain_or_as_arns_and_wherever_the_parenthesis_stands() {
        let rule = r#"(ALARM("a-001-CPU (main)") OR OK( b )) AND NOT INSUFFICIENT_DATA ("arn:aws:cloudwatch:us-east-1:012345678901:alarm:c") OR ALARM
            ( "d ALARM(e)" ) OR alarm(f)"#;
        assert_eq!(named_in(rule), ["a-001-CPU (main)", "b", "c", "d ALARM(e)", "f"].map(str::to_owned).into());
        assert!(named_in("TRUE AND NOT FALSE").is_empty());
    }

    #[test]
    fn white_space_means_nothing_but_within_a_name() {
        assert_eq!(plain(" ALARM(\"a  b\")\n  OR\tALARM(c) "), "ALARM(\"a  b\") OR ALARM(c)");
        assert_ne!(plain("ALARM(\"a  b\")"), plain("ALARM(\"a b\")"));
    }

    #[test]
    fn elements_are_alarms_constants_and_groups() {
        assert_eq!(elements("(ALARM(a) OR TRUE) AND NOT (OK(\"b (c)\"))").len(), 5);
    }

    #[test]
    fn a_rule_that_aws_does_not_take_says_by_what_it_is_too_large() {
        let of = |count: usize| -> BTreeSet<String> { (0..count).map(|at| format!("a-{at:03}")).collect() };
        assert_eq!(unfit_for_any_of(&of(100)), None);
        assert!(unfit_for_any_of(&of(101)).is_some_and(|why| why.contains("101 alarms")));
        let rule = |groups: usize| format!("{}ALARM(a){}", "(".repeat(groups), ")".repeat(groups));
        assert_eq!(unfit(&rule(499)), None);
        assert!(unfit(&rule(500)).is_some_and(|why| why.contains("501 elements")));
        let long: BTreeSet<String> = (0..50).map(|at| format!("{at:03}-{}", "x".repeat(200))).collect();
        assert!(unfit_for_any_of(&long).is_some_and(|why| why.contains("characters")));
        assert!(unfit_for_any_of(&[r#"say "no""#.to_owned()].into()).is_some_and(|why| why.contains("quotation")));
    }
}
