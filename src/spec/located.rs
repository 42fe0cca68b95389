//! Diagnostics as data, for `--format json` and for editors; and as a compiler would show them.

use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde::Serialize;

use super::diagnostic::{Diagnostic, Severity};
use super::source::{Sources, Span};
use crate::model::text::inert;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Located {
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    /// In the spec's tree, such as `replicationGroups.prod-cache.engineVersion`.
    pub path: String,
    #[serde(flatten)]
    pub place: Place,
    /// What is said at that place.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Places that disagree with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Replacement>,
}

/// Lines and columns count from 1; the end is the first character after.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Related {
    #[serde(flatten)]
    pub place: Place,
    pub message: String,
}

/// The text that mends the fault, in place of what stands there.
#[derive(Clone, Debug, Serialize)]
pub struct Replacement {
    #[serde(flatten)]
    pub place: Place,
    pub replacement: String,
}

pub fn locate(diagnostic: &Diagnostic, sources: &Sources) -> Located {
    let (first, rest) = diagnostic.labels.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    Located {
        code: diagnostic.code,
        severity: diagnostic.severity,
        message: diagnostic.message.clone(),
        path: diagnostic.path.clone(),
        place: first.map(|label| place(label.span, sources)).unwrap_or_default(),
        label: first.map(|label| label.text.clone()).unwrap_or_default(),
        related: rest
            .iter()
            .map(|label| Related { place: place(label.span, sources), message: label.text.clone() })
            .collect(),
        help: diagnostic.help.clone(),
        fix: diagnostic
            .fix
            .as_ref()
            .map(|fix| Replacement { place: place(fix.span, sources), replacement: fix.replacement.clone() }),
    }
}

fn place(span: Span, sources: &Sources) -> Place {
    let (start, end) = (sources.position(span), sources.position(Span { start: span.end, ..span }));
    Place {
        file: sources.name(span.file).to_owned(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

/// Message, place, source lines with carets, help, patch.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, styled: bool) -> String {
    let message = inert(&diagnostic.message);
    let labels: Vec<String> = diagnostic.labels.iter().map(|label| inert(&label.text).into_owned()).collect();
    let help = diagnostic.help.as_deref().map(inert);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warn => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut group =
        level.primary_title(&*message).id(diagnostic.code).elements(Vec::<annotate_snippets::Element<'_>>::new());
    for (index, label) in diagnostic.labels.iter().enumerate() {
        // Labels of one file share a snippet, so that two lines that disagree stand under each other.
        let file = label.span.file;
        if diagnostic.labels[..index].iter().any(|earlier| earlier.span.file == file) {
            continue;
        }
        let here = diagnostic.labels.iter().enumerate().filter(|(_, other)| other.span.file == file);
        let (start, line, text) = sources.excerpt(file, here.clone().map(|(_, label)| label.span));
        let annotations = here.map(|(position, label)| {
            let kind = if position == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(within(label.span, start, text)).label(labels[position].as_str())
        });
        group = group.element(Snippet::source(text).line_start(line).path(sources.name(file)).annotations(annotations));
    }
    if diagnostic.path.contains('.') {
        group = group.element(Level::NOTE.no_name().message(format!("in {}", inert(&diagnostic.path))));
    }
    let mut report = vec![group];
    match (&diagnostic.fix, &help) {
        (Some(fix), help) => {
            let (start, line, text) = sources.excerpt(fix.span.file, std::iter::once(fix.span));
            report.push(
                Level::HELP.secondary_title(help.as_deref().unwrap_or("write")).element(
                    Snippet::source(text)
                        .line_start(line)
                        .path(sources.name(fix.span.file))
                        .patch(Patch::new(within(fix.span, start, text), fix.replacement.as_str())),
                ),
            );
        }
        (None, Some(help)) => report.push(Group::with_title(Level::HELP.secondary_title(&**help))),
        (None, None) => {}
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    if diagnostic.labels.is_empty() {
        // Between groups stands the frame of a source, which here there is none of.
        let parts: Vec<String> = report.chunks(1).map(|group| renderer.render(group)).collect();
        return parts.join("\n");
    }
    renderer.render(&report)
}

/// A span of the file as one of its excerpt, from and to whole characters.
fn within(span: Span, start: usize, text: &str) -> std::ops::Range<usize> {
    let at = |at: usize| at.saturating_sub(start).min(text.len());
    let whole = |at: usize| (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    whole(at(span.start))..whole(at(span.end.max(span.start)))
}
