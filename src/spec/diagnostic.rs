//! What is wrong with a spec, where, and what to do about it.

use super::source::Span;
pub use crate::model::Severity;

#[derive(Clone, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// A replacement of the text under a span that is certain to mend the fault.
#[derive(Clone, Debug)]
pub struct Fix {
    pub span: Span,
    pub replacement: String,
}

#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// A kebab-case id, stable across releases: `cachectl explain` knows it.
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    /// Where in the spec's tree, such as `replicationGroups.prod-cache.engineVersion`.
    pub path: String,
    /// The first label is the place itself, the rest are places that disagree with it.
    pub labels: Vec<Label>,
    pub help: Option<String>,
    pub fix: Option<Fix>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            labels: Vec::new(),
            help: None,
            fix: None,
        }
    }

    pub fn warn(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, ..Self::error(code, message) }
    }

    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub fn maybe_at(self, span: Option<Span>, text: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span, text),
            None => self,
        }
    }

    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }

    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}
