//! The texts that a spec was read from, and places in them.

pub use crate::model::place::{FileId, Position, Span};

use super::hidden::{by_looks, masked};

#[derive(Clone, Debug)]
struct File {
    name: String,
    text: String,
    /// The text as it may be shown: secrets are masked, byte for byte.
    shown: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Every file that took part in a spec: the spec itself, and its overlays.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<File>,
}

impl Sources {
    /// The files, by the names that they were asked for with.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(newlines).collect();
        self.files.push(File { name: name.into(), shown: text.clone(), text, lines });
        FileId(self.files.len() - 1)
    }

    /// The spec itself, which is read before its overlays.
    pub fn main(&self) -> Option<FileId> {
        (!self.files.is_empty()).then_some(FileId(0))
    }

    pub fn name(&self, file: FileId) -> &str {
        &self.files[file.0].name
    }

    pub fn text(&self, file: FileId) -> &str {
        &self.files[file.0].text
    }

    pub fn shown(&self, file: FileId) -> &str {
        &self.files[file.0].shown
    }

    /// The text under a span.
    pub fn of(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or_default()
    }

    /// Hides what stands under a span from everything that is shown.
    pub fn mask(&mut self, span: Span) {
        let shown = &mut self.files[span.file.0].shown;
        let range = span.start..span.end.min(shown.len());
        if let Some(text) = shown.get(range.clone()) {
            let masked = masked(text);
            shown.replace_range(range, &masked);
        }
    }

    /// Of a file that is not YAML nobody can tell which values are secrets: they are masked by their looks.
    pub fn mask_by_looks(&mut self, file: FileId) {
        let file = &mut self.files[file.0];
        file.shown = by_looks(&file.shown);
    }

    pub fn position(&self, span: Span) -> Position {
        let file = &self.files[span.file.0];
        let line = file.lines.partition_point(|start| *start <= span.start).saturating_sub(1);
        let before = file.text.get(file.lines[line]..span.start.min(file.text.len())).unwrap_or_default();
        Position { line: line + 1, column: before.chars().count() + 1 }
    }

    /// The blanks before a place, where there is nothing else before it on its line.
    pub fn indent(&self, span: Span) -> Option<&str> {
        let file = &self.files[span.file.0];
        let line = file.lines.partition_point(|start| *start <= span.start).saturating_sub(1);
        let before = file.text.get(file.lines[line]..span.start)?;
        before.bytes().all(|byte| byte == b' ').then_some(before)
    }

    /// The lines from the first to the last of some places of one file, with their neighbours: where they
    /// begin, the number of the first, and the text as it may be shown.
    pub fn excerpt(&self, file: FileId, spans: impl Iterator<Item = Span> + Clone) -> (usize, usize, &str) {
        let file = &self.files[file.0];
        let line = |at: usize| file.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let first = line(spans.clone().map(|span| span.start).min().unwrap_or(0)).saturating_sub(1);
        let last = line(spans.map(|span| span.end).max().unwrap_or(0)) + 2;
        let start = file.lines[first];
        let end = file.lines.get(last).copied().unwrap_or(file.shown.len());
        (start, first + 1, file.shown.get(start..end).unwrap_or_default())
    }

    /// `file:line:column`, as editors and terminals make it a link.
    pub fn locate(&self, span: Span) -> String {
        let Position { line, column } = self.position(span);
        format!("{}:{line}:{column}", self.name(span.file))
    }
}
