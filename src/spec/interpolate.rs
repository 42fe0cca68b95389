//! `${var.NAME}` and `${env:NAME}` in any string. Nothing else computes; `$${` stands for `${`.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::MAX_FAULTS;
use super::diagnostic::Diagnostic;
use super::node::{Content, Node, Style, shorten};
use super::source::{Sources, Span};
use crate::model::suggest::near;

/// Variables repeat text; together they write out no more than this.
const MAX_BYTES: usize = 4 << 20;

#[derive(Clone, Debug)]
pub struct Variable {
    pub value: String,
    /// Comes from the environment, and is not shown.
    pub hidden: bool,
}

pub struct Variables<'a> {
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
    pub fn new(sources: &'a Sources, environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
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

    pub fn apply(&mut self, node: &mut Node, diagnostics: &mut Vec<Diagnostic>) {
        let span = node.span;
        match &mut node.content {
            Content::Scalar { text, style } if text.contains("${") => {
                let mut hidden = false;
                *style = match self.expand(text, span, &mut hidden, diagnostics) {
                    // Nothing but `$${` stood there.
                    Some(expanded) if !has_variable(text) => {
                        *text = expanded;
                        Style::Quoted
                    }
                    Some(expanded) => {
                        *text = expanded;
                        if hidden { Style::Environment } else { Style::Interpolated }
                    }
                    None => Style::Unresolved,
                };
            }
            Content::List(items) => items.iter_mut().for_each(|item| self.apply(item, diagnostics)),
            Content::Map(entries) => {
                for entry in entries {
                    if entry.key.text.contains("${") && diagnostics.len() < MAX_FAULTS {
                        diagnostics.push(
                            Diagnostic::error("bad-interpolation", "variables are not replaced in keys")
                                .at(entry.key.span, "a key")
                                .help("write the key out; an environment or an overlay can bring another one"),
                        );
                    }
                    self.apply(&mut entry.value, diagnostics);
                }
            }
            Content::Null | Content::Scalar { .. } => {}
        }
    }

    fn expand(
        &mut self,
        text: &str,
        span: Span,
        hidden: &mut bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                out.push_str(&rest[..start - 1]);
                out.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            let Some(end) = inner.find('}') else {
                let diagnostic = Diagnostic::error("bad-interpolation", "`${` without its `}`")
                    .at(self.place("${", span), "begins here")
                    .help("close it, or write $${ for the two characters themselves");
                report(diagnostics, diagnostic);
                return None;
            };
            let value = self.lookup(&inner[..end], span, hidden, diagnostics)?;
            self.written += value.len();
            if self.written > MAX_BYTES {
                let diagnostic = Diagnostic::error("too-large", "variables write out more than 4 MB of text")
                    .at(self.place("${", span), "the limit is reached here");
                report(diagnostics, diagnostic);
                return None;
            }
            out.push_str(&value);
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn lookup(
        &mut self,
        expression: &str,
        span: Span,
        hidden: &mut bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<String> {
        let at = self.place(&format!("${{{expression}}}"), span);
        let shown = shorten(expression);
        let diagnostic = if let Some(name) = expression.strip_prefix("var.") {
            if self.within_variables {
                Diagnostic::error("bad-interpolation", "a variable's value cannot name another variable")
                    .at(at, "within vars")
                    .help("write it out, or use ${env:NAME}")
            } else if let Some(variable) = self.values.get(name) {
                self.used.insert(name.to_owned());
                *hidden |= variable.hidden;
                return Some(variable.value.clone());
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
            if let Some(value) = (self.environment)(name) {
                *hidden = true;
                return Some(value);
            }
            let name = shorten(name);
            Diagnostic::error("unset-variable", format!("the environment variable `{name}` is not set"))
                .at(at, "used here")
                .help(format!("export {name}=VALUE"))
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

fn has_variable(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| !text[..at].ends_with('$'))
}
