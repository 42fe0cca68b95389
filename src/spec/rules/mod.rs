//! Rules across fields and resources: what AWS would refuse whatever is live. No lint setting silences
//! them. One rule is one row: its code, why it is so, where that was learned, and what finds it.

mod alarm;
mod alarm_data;
mod alarm_entry;
mod composite_alarm;
mod durability;
mod finder;
pub mod id;
mod names;
mod network;
mod node_type;
mod parameter_group;
mod policy;
mod reader;
mod references;
mod replication_group;
mod security;
mod serverless_cache;
mod tags;
mod text;
mod topology;
mod user;
mod windows;

use super::diagnostic::Diagnostic;
use super::source::{Sources, Span};
use crate::model::{Kind, Resource, Spec};
use finder::Finder;
pub(crate) use parameter_group::FAMILIES;

pub struct Rule {
    /// Of the diagnostics that it makes; `cachectl explain CODE` shows this row.
    pub code: &'static str,
    pub why: &'static str,
    /// Where it was learned.
    pub source: &'static str,
    pub check: Check,
}

pub enum Check {
    /// The reader finds it, by the shape of the value.
    Reader,
    /// Looked for in each resource of these kinds.
    Resource(&'static [Kind], fn(&mut Finder<'_>, &Resource)),
    Spec(fn(&mut Finder<'_>)),
}

const GROUP: &[Kind] = &[Kind::ReplicationGroup];
const ALARM: &[Kind] = &[Kind::Alarm];
const SERVERLESS: &[Kind] = &[Kind::ServerlessCache];
const CACHES: &[Kind] = &[Kind::ReplicationGroup, Kind::ServerlessCache];

/// Every code that a diagnostic may have.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        reader::RULES,
        id::RULES,
        references::RULES,
        tags::RULES,
        text::RULES,
        replication_group::RULES,
        topology::RULES,
        node_type::RULES,
        security::RULES,
        durability::RULES,
        network::RULES,
        windows::RULES,
        parameter_group::RULES,
        serverless_cache::RULES,
        user::RULES,
        alarm::RULES,
        alarm_data::RULES,
        alarm_entry::RULES,
        composite_alarm::RULES,
        names::RULES,
        policy::RULES,
    ]
    .into_iter()
    .flatten()
}

/// Literal secrets that a rule came across are added to `secrets`.
pub fn check(spec: &Spec, sources: &Sources, diagnostics: &mut Vec<Diagnostic>, secrets: &mut Vec<Span>) {
    let mut finder = Finder { spec, sources, code: "", diagnostics, secrets };
    for rule in all() {
        finder.code = rule.code;
        match rule.check {
            Check::Reader => {}
            Check::Spec(check) => check(&mut finder),
            Check::Resource(kinds, check) => {
                spec.resources
                    .values()
                    .filter(|resource| kinds.contains(&resource.address.kind))
                    .for_each(|resource| check(&mut finder, resource));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_why_and_where_it_was_learned() {
        for rule in all() {
            assert!(rule.why.ends_with('.') && !rule.source.is_empty(), "{}", rule.code);
            assert!(
                rule.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                rule.code
            );
        }
    }
}
