//! The shape of a whole spec.

use crate::model::Kind;
use crate::model::shape::{Field, Keys, Shape, TAGS, integer, list, pattern, text};

const SEVERITY: Shape = Shape::Enum(&["error", "warn", "info", "none"]);

#[rustfmt::skip]
pub const POLICY: Shape = Shape::Object(&[
    Field::new("maxDeletes", "", integer(0, 10_000), "Most resources that one apply may delete, whatever --allow says."),
    Field::new("maxReplacements", "", integer(0, 10_000), "Most resources that one apply may replace, whatever --allow says."),
    Field::new("lint", "", Shape::Map { of: &SEVERITY, keys: Keys::Any }, "Severity of lint rules, by rule; `*` is all of them."),
    Field::new("waivers", "", list(&Shape::Object(&[
        Field::new("rule", "", text(64), "Id of the lint rule, or `*`.").required(),
        Field::new("resource", "", text(256), "Address, or a glob of addresses.").required(),
        Field::new("reason", "", text(1024), "Why the rule does not apply here.").required(),
        Field::new("until", "", pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 10, "2027-03-31"), "Last day of the waiver."),
    ]), 0, 1000), "Exceptions from lint rules, with a reason and an end."),
]);

#[rustfmt::skip]
const AWS: Shape = Shape::Object(&[
    Field::new("profile", "", text(256), "Profile of the AWS configuration."),
    Field::new("roleArn", "", pattern("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$", 2048, "arn:aws:iam::012345678901:role/cachectl"), "Role that is taken on, with the profile's credentials or with those of the environment."),
    Field::new("externalId", "", pattern("^[a-zA-Z0-9_+=,.@:/-]{2,}$", 1224, "cachectl-prod"), "External id that the role's trust policy asks for."),
    Field::new("sessionName", "", pattern("^[a-zA-Z0-9_+=,.@-]{2,}$", 64, "deploy"), "Name of the session in CloudTrail; `cachectl` where none is given."),
]);

pub const SCALARS: Shape = Shape::Map { of: &Shape::Scalar, keys: Keys::Any };

const STACK: &str = "^[a-zA-Z0-9][a-zA-Z0-9._-]*$";
const STACK_LENGTH: usize = 128;

pub fn is_stack_name(text: &str) -> bool {
    text.len() <= STACK_LENGTH && super::decode::matches(STACK, text)
}

/// The keys of a spec that are not sections of resources.
#[rustfmt::skip]
pub const HEAD: &[Field] = &[
    Field::new("apiVersion", "", Shape::Enum(&["cachectl/v1"]), "Always `cachectl/v1`.").required(),
    Field::new("stack", "", pattern(STACK, STACK_LENGTH, "prod-cache"), "Name of the stack: the scope of ownership and pruning, kept in a tag.").required(),
    Field::new("region", "", pattern("^[a-z]{2}(-[a-z]+)+-[0-9]+$", 32, "us-east-1"), "AWS region.").required(),
    Field::new("accountId", "", pattern("^[0-9]{12}$", 12, "\"012345678901\""), "Account that this spec is for; checked before any other call."),
    Field::new("aws", "", AWS, "Who calls AWS: a profile of the AWS configuration, or a role. --profile wins over it."),
    Field::new("vars", "", SCALARS, "Variables for ${var.NAME}."),
    Field::new("tags", "", TAGS, "Tags of every taggable resource."),
    Field::new("policy", "", POLICY, "Limits and lint settings."),
];

/// Merged over the rest before it is read.
pub const ENVIRONMENTS: &str = "environments";

/// The kinds that a spec declares by themselves.
pub fn sections() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| kind.companion().is_none())
}

/// A kind in a sentence.
pub fn describe(kind: Kind) -> &'static str {
    kind.row().names.about
}

/// Every key that a spec may have at its top.
pub fn top() -> Vec<Field> {
    let sections = sections().map(|kind| Field::new(kind.section(), "", Shape::Object(&[]), ""));
    let environments = Field::new(ENVIRONMENTS, "", Shape::Object(&[]), "");
    HEAD.iter().copied().chain(sections).chain([environments]).collect()
}
