//! Where a secret is kept. A secret itself is never read from a spec, and never shown.

use serde_json::Value;

use super::Decoder;
use crate::model::shape::{Field, Shape, text};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::node::{Content, Node, Style};

const FORMS: &str = "{secretsManager: NAME, key: KEY}, {ssm: NAME}, {env: NAME} or {file: PATH}";
/// The keys of which one says where the secret is.
pub const PLACES: [&str; 4] = ["secretsManager", "ssm", "env", "file"];

/// A secret's place, as an object.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    Field::new("secretsManager", "", text(2048), "Name or ARN of a Secrets Manager secret."),
    Field::new("key", "", text(512), "Key within the secret's JSON."),
    Field::new("ssm", "", text(2048), "Name of an SSM parameter."),
    Field::new("env", "", text(512), "Environment variable."),
    Field::new("file", "", text(4096), "File; a line end at its end is cut off."),
];

impl Decoder<'_> {
    pub(super) fn secret(&mut self, node: &Node, path: &str) -> Option<Value> {
        let key = self.locations.key(path);
        match &node.content {
            Content::Map(entries) => {
                let named: Vec<_> = entries.iter().filter(|entry| PLACES.contains(&entry.key.text.as_str())).collect();
                if let [_] = named[..] {
                    return self.decoded(node, &Shape::Object(FIELDS), path);
                }
                let message = match named[..] {
                    [] => "a secret's place is missing",
                    _ => "a secret is kept in one place",
                };
                let labels = if named.is_empty() {
                    vec![key.unwrap_or(node.start())]
                } else {
                    named.iter().map(|entry| entry.key.span).collect()
                };
                if named.is_empty() {
                    self.secrets.push(node.span);
                }
                let mut diagnostic =
                    Diagnostic::error("secret-place", message).path(path).help(format!("write {FORMS}"));
                for (index, span) in labels.into_iter().enumerate() {
                    diagnostic = diagnostic.at(span, if index == 0 { "expected one place" } else { "and another" });
                }
                self.report(diagnostic);
            }
            Content::Null => self.wrong(node, path, "a place where the secret is kept"),
            Content::Scalar { style: Style::Interpolated | Style::Environment | Style::Unresolved, .. } => {
                self.literal(node, path, "a variable's value would be the secret itself")
            }
            Content::Scalar { .. } | Content::List(_) => self.literal(node, path, "a literal value is given here"),
        }
        None
    }

    /// The text may be the secret itself, so neither it nor its line is shown.
    fn literal(&mut self, node: &Node, path: &str, label: &str) {
        self.secrets.push(node.span);
        let at = self.locations.key(path).unwrap_or(node.pointed());
        self.report(
            Diagnostic::error("secret-literal", "a secret must not be in the spec")
                .path(path)
                .at(at, label)
                .help(format!("say where it is kept: {FORMS}")),
        );
    }
}
