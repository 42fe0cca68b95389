//! What is wrong with a spec, where, and what to do about it.

use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde::Serialize;

use super::source::{Sources, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warn,
    Error,
}

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

/// A diagnostic as data, for `--format json` and for editors.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Located {
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub path: String,
    pub file: String,
    pub line: usize,
    pub column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

pub fn locate(diagnostic: &Diagnostic, sources: &Sources) -> Located {
    let (file, line, column) = diagnostic.span().map_or((String::new(), 0, 0), |span| {
        let position = sources.position(span);
        (sources.name(span.file).to_owned(), position.line, position.column)
    });
    Located {
        code: diagnostic.code,
        severity: diagnostic.severity,
        message: diagnostic.message.clone(),
        path: diagnostic.path.clone(),
        file,
        line,
        column,
        help: diagnostic.help.clone(),
    }
}

/// The diagnostic as a compiler would show it: message, place, source line with a caret, help, patch.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, styled: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warn => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .elements(Vec::<annotate_snippets::Element<'_>>::new());
    for (index, label) in diagnostic.labels.iter().enumerate() {
        // Labels of one file share a snippet, so that two lines that disagree stand under each other.
        let file = label.span.file;
        if diagnostic.labels[..index].iter().any(|earlier| earlier.span.file == file) {
            continue;
        }
        let annotations = diagnostic.labels.iter().enumerate().filter(|(_, other)| other.span.file == file);
        let snippet = Snippet::source(sources.shown(file)).path(sources.name(file)).annotations(annotations.map(
            |(position, label)| {
                let kind = if position == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                kind.span(label.span.range()).label(label.text.as_str())
            },
        ));
        group = group.element(snippet);
    }
    if !diagnostic.path.is_empty() && diagnostic.path.contains('.') {
        group = group.element(Level::NOTE.no_name().message(format!("in {}", diagnostic.path)));
    }
    let mut report = vec![group];
    match (&diagnostic.fix, &diagnostic.help) {
        (Some(fix), help) => report.push(
            Level::HELP.secondary_title(help.as_deref().unwrap_or("write")).element(
                Snippet::source(sources.shown(fix.span.file))
                    .path(sources.name(fix.span.file))
                    .patch(Patch::new(fix.span.range(), fix.replacement.as_str())),
            ),
        ),
        (None, Some(help)) => report.push(Group::with_title(Level::HELP.secondary_title(help.as_str()))),
        (None, None) => {}
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}
