//! `${var.NAME}` and `${env:NAME}` in any string. Nothing else computes.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Diagnostic;
use super::node::{Content, Node, Style};
use super::source::Span;
use super::suggest;

pub struct Variables<'a> {
    pub values: BTreeMap<String, String>,
    /// Where each was declared, for the warning about those that nothing uses.
    pub declared: BTreeMap<String, Span>,
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    pub used: BTreeSet<String>,
}

impl Variables<'_> {
    pub fn apply(&mut self, node: &mut Node, diagnostics: &mut Vec<Diagnostic>) {
        let span = node.span;
        match &mut node.content {
            Content::Scalar { text, style } if text.contains("${") => {
                if let Some(expanded) = self.expand(text, span, diagnostics) {
                    *text = expanded;
                    *style = Style::Interpolated;
                }
            }
            Content::List(items) => items.iter_mut().for_each(|item| self.apply(item, diagnostics)),
            Content::Map(entries) => entries.iter_mut().for_each(|entry| self.apply(&mut entry.value, diagnostics)),
            Content::Null | Content::Scalar { .. } => {}
        }
    }

    fn expand(&mut self, text: &str, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            let Some(end) = inner.find('}') else {
                diagnostics.push(Diagnostic::error("bad-interpolation", "`${` without its `}`").at(span, "here"));
                return None;
            };
            out.push_str(&self.lookup(&inner[..end], span, diagnostics)?);
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn lookup(&mut self, expression: &str, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
        if let Some(name) = expression.strip_prefix("var.") {
            if let Some(value) = self.values.get(name) {
                self.used.insert(name.to_owned());
                return Some(value.clone());
            }
            let near = suggest(name, self.values.keys().map(String::as_str));
            diagnostics.push(
                Diagnostic::error("unset-variable", format!("the variable `{name}` is not set"))
                    .at(span, "used here")
                    .help(near.map_or_else(
                        || format!("set it under `vars:`, in an environment, or with --var {name}=VALUE"),
                        |near| format!("did you mean `{near}`?"),
                    )),
            );
        } else if let Some(name) = expression.strip_prefix("env:") {
            if let Some(value) = (self.environment)(name) {
                return Some(value);
            }
            diagnostics.push(
                Diagnostic::error("unset-variable", format!("the environment variable `{name}` is not set"))
                    .at(span, "used here")
                    .help(format!("export {name}=VALUE")),
            );
        } else {
            diagnostics.push(
                Diagnostic::error("bad-interpolation", format!("`${{{expression}}}` is not known"))
                    .at(span, "here")
                    .help("write ${var.NAME} or ${env:NAME}"),
            );
        }
        None
    }
}
