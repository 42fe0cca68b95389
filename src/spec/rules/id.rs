//! Ids: of the resources of this spec, and of those that they name.

use super::{Check, Rule};
use crate::model::text::is_unseen;
use crate::model::{Address, Kind};
use crate::spec::decode::{Decoder, matches};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::node::{Key, Node, shorten};

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    Rule { code: "id-format", check: Check::Reader,
        why: "AWS takes ids of a certain form: replication groups and serverless caches 1 to 40 letters, digits and single hyphens, beginning with a letter and not ending in a hyphen; users and user groups likewise, with hyphens anywhere after the first letter; parameter and subnet groups up to 255. It keeps them in lower case.",
        source: "API reference, CreateReplicationGroup, CreateUser, CreateUserGroup, CreateCacheParameterGroup, CreateCacheSubnetGroup; Terraform's validateReplicationGroupID" },
    Rule { code: "reserved-name", check: Check::Reader,
        why: "Groups named `default` or `default.*` are AWS's own: they cannot be created, changed or deleted. So are the user default.iam-user and the user group default.iam-user-group; a cache may name all of them.",
        source: "API reference, CreateCacheParameterGroup and ModifyCacheParameterGroup" },
];

/// Pattern, longest, and both in words.
fn form(kind: Kind) -> (&'static str, usize, &'static str) {
    let form = kind.row().id;
    (form.pattern, form.longest, form.words)
}

/// What AWS has of its own under a name that nobody else may have.
fn of_aws(kind: Kind) -> Option<&'static str> {
    kind.row().id.of_aws
}

/// What an id that is named must look like, and how long it may be.
pub fn form_of(kind: Kind) -> (String, usize) {
    let (pattern, max, _) = form(kind);
    let pattern = match of_aws(kind) {
        Some(own) => format!("{pattern}|^{}$", own.replace('.', "\\.")),
        None => pattern.to_owned(),
    };
    (pattern, max)
}

/// The same of an id that is declared: AWS's own groups are not.
pub fn declared_form(kind: Kind) -> (String, usize) {
    let (pattern, max, _) = form(kind);
    let pattern = if kind.row().reserves_default {
        format!("^(?![dD][eE][fF][aA][uU][lL][tT](\\.|$)){}", pattern.trim_start_matches('^'))
    } else {
        pattern.to_owned()
    };
    (pattern, max)
}

pub fn words(kind: Kind) -> String {
    format!("Ids are {}.", form(kind).2)
}

/// May a resource of this kind be called so?
pub fn is_fit(kind: Kind, text: &str) -> bool {
    fits(kind, text)
}

fn fits(kind: Kind, text: &str) -> bool {
    let (pattern, max, _) = form(kind);
    text.chars().count() <= max && matches(pattern, text) && !text.chars().any(is_unseen)
}

/// The id of a resource of this spec.
pub fn declared(kind: Kind, key: &Key, path: &str, decoder: &mut Decoder<'_>) {
    let reserved = kind.row().reserves_default && Address::new(kind, &key.text).is_aws_own();
    let text = shorten(&key.text);
    if reserved {
        decoder.report(
            Diagnostic::error("reserved-name", format!("`{text}` is AWS's own"))
                .path(path)
                .at(key.span, "default groups cannot be managed")
                .help("choose another name; a cache that uses AWS's group names it without declaring it"),
        );
    } else if !fits(kind, &key.text) {
        let diagnostic = Diagnostic::error("id-format", format!("`{text}` is no id for a {kind}"))
            .path(path)
            .at(key.span, format!("expected {}", form(kind).2));
        let mended = mended(&key.text);
        decoder.report(if fits(kind, &mended) { diagnostic.help(format!("such as `{mended}`")) } else { diagnostic });
    }
}

/// The id of a resource that is named: of this spec, or an existing one.
pub fn reference(decoder: &mut Decoder<'_>, kind: Kind, node: &Node, text: &str, path: &str) -> Option<()> {
    if fits(kind, text) || of_aws(kind) == Some(text) {
        return Some(());
    }
    decoder.report(
        Diagnostic::error("id-format", format!("`{}` is no id of a {kind}", node.shown()))
            .path(path)
            .at(node.pointed(), format!("expected {}", form(kind).2)),
    );
    None
}

/// What is not allowed becomes single hyphens.
fn mended(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
