//! `${var.NAME}` and `${env:NAME}` in any string. Nothing else computes; `$${` stands for `${`.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::MAX_FAULTS;
use super::diagnostic::Diagnostic;
use super::node::{Content, Node, Style, shorten};
use super::schema::ENVIRONMENTS;
use super::source::{Sources, Span};
use crate::model::Kind;
use crate::model::suggest::near;
use crate::resource::alarm_entries::{CACHE, MEMBER};

/// Variables repeat text; together they write out no more than this.
const MAX_BYTES: usize = 4 << 20;

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub value: String,
    /// What may be shown of it, where it comes from the environment.
    pub template: Option<Box<str>>,
}

/// A text with its variables written out.
#[derive(Default)]
struct Expanded {
    text: String,
    /// The same with `${env:NAME}` in place of what came from there.
    template: String,
    hidden: bool,
}

impl Expanded {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.template.push_str(&text.replace("${", "$${"));
    }

    fn push_value(&mut self, variable: &Variable) {
        match &variable.template {
            None => self.push(&variable.value),
            Some(template) => {
                self.text.push_str(&variable.value);
                self.template.push_str(template);
                self.hidden = true;
            }
        }
    }
}

/// Where in a spec a value stands, as far as what may stand in it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The spec, or an environment's part of it.
    Spec,
    Environments,
    /// All resources of a kind.
    Section(Kind),
    /// One resource of a kind.
    Resource(Kind),
    /// A text in which the node and the cache of what is written out for them have names.
    Pattern,
    Elsewhere,
}

impl Place {
    fn within(self, key: &str) -> Self {
        match self {
            Place::Spec if key == ENVIRONMENTS => Place::Environments,
            Place::Spec => Kind::of_section(key).map_or(Place::Elsewhere, Place::Section),
            Place::Environments => Place::Spec,
            Place::Section(kind) => Place::Resource(kind),
            Place::Resource(kind) if kind.row().patterns.contains(&key) => Place::Pattern,
            _ => Place::Elsewhere,
        }
    }
}

/// `${member}` and `${cache}` are written out once the nodes are known.
fn is_of_pattern(expression: &str) -> bool {
    [MEMBER, CACHE]
        .iter()
        .any(|name| name.strip_prefix("${").and_then(|name| name.strip_suffix('}')) == Some(expression))
}

pub(super) struct Variables<'a> {
    pub values: BTreeMap<String, Variable>,
    /// Declared, but not as a single value; that is reported elsewhere.
    pub faulty: BTreeSet<String>,
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    pub sources: &'a Sources,
    pub used: BTreeSet<String>,
    /// The values of variables themselves are being read: they cannot name other variables.
    pub within_variables: bool,
    written: usize,
}

impl<'a> Variables<'a> {
    pub(super) fn new(sources: &'a Sources, environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            values: BTreeMap::new(),
            faulty: BTreeSet::new(),
            environment,
            sources,
            used: BTreeSet::new(),
            within_variables: false,
            written: 0,
        }
    }

    /// Writes variables out within a value of a spec.
    pub(super) fn apply(&mut self, node: &mut Node, place: Place, diagnostics: &mut Vec<Diagnostic>) {
        let span = node.span;
        match &mut node.content {
            Content::Scalar { text, style } if text.contains("${") => {
                let Some(expanded) = self.expand(text, span, place, diagnostics) else {
                    *style = Style::Unresolved;
                    return;
                };
                *style = if !has_variable(text) {
                    // Nothing but `$${` stood there.
                    Style::Quoted
                } else if expanded.hidden {
                    node.template = Some(expanded.template.into());
                    Style::Environment
                } else {
                    Style::Interpolated
                };
                *text = expanded.text;
            }
            Content::List(items) => items.iter_mut().for_each(|item| self.apply(item, Place::Elsewhere, diagnostics)),
            Content::Map(entries) => {
                for entry in entries {
                    if entry.key.text.contains("${") && diagnostics.len() < MAX_FAULTS {
                        diagnostics.push(
                            Diagnostic::error("bad-interpolation", "variables are not replaced in keys")
                                .at(entry.key.span, "a key")
                                .help("write the key out; an environment or an overlay can bring another one"),
                        );
                    }
                    self.apply(&mut entry.value, place.within(&entry.key.text), diagnostics);
                }
            }
            Content::Null | Content::Scalar { .. } => {}
        }
    }

    fn expand(&mut self, text: &str, span: Span, place: Place, diagnostics: &mut Vec<Diagnostic>) -> Option<Expanded> {
        let mut out = Expanded::default();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                out.push(&rest[..start - 1]);
                out.push("${");
                rest = &rest[start + 2..];
                continue;
            }
            out.push(&rest[..start]);
            let inner = &rest[start + 2..];
            let Some(end) = inner.find('}') else {
                let diagnostic = Diagnostic::error("bad-interpolation", "`${` without its `}`")
                    .at(self.place("${", span), "begins here")
                    .help("close it, or write $${ for the two characters themselves");
                report(diagnostics, diagnostic);
                return None;
            };
            if place == Place::Pattern && is_of_pattern(&inner[..end]) {
                out.push(&rest[start..start + end + 3]);
                rest = &inner[end + 1..];
                continue;
            }
            let variable = self.lookup(&inner[..end], span, diagnostics)?;
            self.written += variable.value.len();
            if self.written > MAX_BYTES {
                let diagnostic = Diagnostic::error("too-large", "variables write out more than 4 MB of text")
                    .at(self.place("${", span), "the limit is reached here");
                report(diagnostics, diagnostic);
                return None;
            }
            out.push_value(&variable);
            rest = &inner[end + 1..];
        }
        out.push(rest);
        Some(out)
    }

    fn lookup(&mut self, expression: &str, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<Variable> {
        let at = self.place(&format!("${{{expression}}}"), span);
        let shown = shorten(expression);
        let diagnostic = if let Some(name) = expression.strip_prefix("var.") {
            if self.within_variables {
                Diagnostic::error("bad-interpolation", "a variable's value cannot name another variable")
                    .at(at, "within vars")
                    .help("write it out, or use ${env:NAME}")
            } else if let Some(variable) = self.values.get(name) {
                self.used.insert(name.to_owned());
                return Some(variable.clone());
            } else if self.faulty.contains(name) {
                self.used.insert(name.to_owned());
                return None;
            } else {
                let name = shorten(name);
                let diagnostic = Diagnostic::error("unset-variable", format!("the variable `{name}` is not set"))
                    .at(at, "used here");
                match near(&name, self.values.keys().map(String::as_str)) {
                    Some(near) => {
                        let diagnostic = diagnostic.help(format!("did you mean `{}`?", near.word));
                        if near.certain { diagnostic.fix(at, format!("${{var.{}}}", near.word)) } else { diagnostic }
                    }
                    None => {
                        diagnostic.help(format!("set it under `vars:`, in an environment, or with --var {name}=VALUE"))
                    }
                }
            }
        } else if let Some(name) = expression.strip_prefix("env:") {
            if is_credential(name) {
                let name = shorten(name);
                let diagnostic = Diagnostic::error(
                    "credential-variable",
                    format!("`{name}` holds credentials by its name"),
                )
                .at(at, "it would stand in the plan's calls as plain text")
                .help(format!(
                    "a secret is named as {{env: {name}}} where the spec takes one; call other values by another name"
                ));
                report(diagnostics, diagnostic);
                return None;
            }
            if let Some(value) = (self.environment)(name) {
                return Some(Variable { value, template: Some(format!("${{env:{name}}}").into()) });
            }
            let name = shorten(name);
            Diagnostic::error("unset-variable", format!("the environment variable `{name}` is not set"))
                .at(at, "used here")
                .help(format!("export {name}=VALUE"))
        } else if is_of_pattern(expression) {
            Diagnostic::error("bad-interpolation", format!("`${{{shown}}}` means nothing here"))
                .at(at, "not a name or a description of alarms")
                .help("it stands for a node or a cache in `name` and `description` of alarms with `for`")
        } else {
            Diagnostic::error("bad-interpolation", format!("`${{{shown}}}` is not known"))
                .at(at, "neither var. nor env:")
                .help("write ${var.NAME} or ${env:NAME}, or $${ for the two characters themselves")
        };
        report(diagnostics, diagnostic);
        None
    }

    /// Where in the value's source the expression stands; the value itself where it is not found as written.
    fn place(&self, expression: &str, span: Span) -> Span {
        match self.sources.of(span).find(expression) {
            Some(at) => Span { start: span.start + at, end: span.start + at + expression.len(), ..span },
            None => span,
        }
    }
}

fn report(diagnostics: &mut Vec<Diagnostic>, diagnostic: Diagnostic) {
    if diagnostics.len() < MAX_FAULTS {
        diagnostics.push(diagnostic);
    }
}

/// Names by which credentials go. What such a variable holds is for secret references only, which are never printed.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("AWS_") || ["TOKEN", "SECRET", "PASSWORD", "PASSWD"].iter().any(|word| name.contains(word))
}

fn has_variable(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| !text[..at].ends_with('$'))
}
