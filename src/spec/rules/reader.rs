//! Codes of the reader itself: files, YAML, shapes, variables.

use super::{Check, Rule};

const fn row(code: &'static str, why: &'static str, source: &'static str) -> Rule {
    Rule { code, why, source, check: Check::Reader }
}

const YAML: &str = "YAML 1.2.2 specification";
const SPEC: &str = "the spec's own format: cachectl schema";
const API: &str = "the ElastiCache and CloudWatch API references: the member's type, length, pattern or values";

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    row("unreadable-file", "The file does not exist, is a directory, may not be read, or is not UTF-8 text.", SPEC),
    row("too-large", "A spec has at most 8 MB, and what its aliases and variables repeat is bounded too, so that a few lines cannot fill the memory.", SPEC),
    row("too-deep", "No spec nests deeper than 64 levels.", SPEC),
    row("empty-file", "There is nothing in the file but blanks and comments.", SPEC),
    row("syntax", "The text is not YAML. Indent with spaces, close quotes and brackets, and quote what begins with one of `@ ` % & * ! | > { [`.", YAML),
    row("several-documents", "One file is one stack: a second document after `---` would be ignored.", SPEC),
    row("duplicate-key", "YAML forbids a key twice in one map. Most readers keep the last one, and with it the wrong definition of a cache. Ids that differ in letter case only are one id, since AWS keeps them in lower case.", YAML),
    row("unknown-key", "A key that is not known would be ignored silently. Keys are the API's member names in lowerCamelCase.", SPEC),
    row("missing-key", "AWS, or cachectl, cannot do without this key.", API),
    row("wrong-type", "The value has another type than the API's member. Text that YAML reads as a number or a boolean (8.0, 012345678901, no) stands in quotes, since YAML does not keep it as it was written.", API),
    row("wrong-length", "The text is longer or shorter than the API takes.", API),
    row("out-of-range", "The number is outside of what the API takes.", API),
    row("not-allowed", "The API takes one of a few words here, and this is none of them.", API),
    row("letter-case", "AWS writes this word in other letters. It is taken as meant; other tools may not do so.", API),
    row("list-length", "The API takes a list of another length.", API),
    row("duplicate-item", "The API takes each of these once.", API),
    row("secret-literal", "A secret in the spec is a secret in the repository, in its history and in every log. The spec says where it is kept: Secrets Manager, SSM, an environment variable or a file.", "DescribeReplicationGroups never returns a token either"),
    row("secret-place", "A secret's place is one of secretsManager, ssm, env and file.", SPEC),
    row("unknown-environment", "`-e` names an environment that the spec does not have.", SPEC),
    row("environment-shares-stack", "An environment with caches of its own, in the same stack, account and region as the spec without it: an apply of either takes the other's changes back.", SPEC),
    row("unset-variable", "A variable without a value would leave a hole in the spec.", SPEC),
    row("unused-variable", "Nothing uses the variable. Most likely its name is misspelt where it is used, or it is left over.", SPEC),
    row("credential-variable", "A variable whose name says that it holds credentials (AWS_*, *TOKEN*, *SECRET*, *PASSWORD*) would put them into the plan's calls as plain text. Secrets are named where the spec takes a reference: {env: NAME}.", SPEC),
    row("bad-interpolation", "Only ${var.NAME} and ${env:NAME} are replaced, and nothing computes. A `$${` stands for `${`.", SPEC),
    row("too-many-faults", "After 500 faults the rest is not reported; fix those and run again.", SPEC),
];
