//! The certain remedies of a file's faults, written into its text.

use super::Loaded;
use super::diagnostic::Diagnostic;
use super::edit::is_document;
use super::source::FileId;

/// A remedy that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Line in the text that it was found in, counted from 1.
    pub line: usize,
    pub code: &'static str,
    pub before: String,
    pub after: String,
}

/// The text of one file with its certain remedies, and what they were. None of them overlap, none stands for a
/// variable's value, and none makes the text unreadable.
pub fn fixed(loaded: &Loaded, file: FileId) -> (String, Vec<Remedy>) {
    let original = loaded.sources.text(file);
    let readable = is_document(original);
    let mut fixes: Vec<&Diagnostic> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.fix.as_ref().is_some_and(|fix| fix.span.file == file))
        .collect();
    let key = |diagnostic: &Diagnostic| {
        diagnostic.fix.as_ref().map(|fix| (fix.span.start, fix.span.end, fix.replacement.clone()))
    };
    fixes.sort_by_key(|diagnostic| key(diagnostic));
    fixes.dedup_by_key(|diagnostic| key(diagnostic));
    let mut text = original.to_owned();
    let mut remedies = Vec::new();
    let mut free_from = usize::MAX;
    // From the end on: what comes before keeps its place.
    for diagnostic in fixes.into_iter().rev() {
        let Some(fix) = &diagnostic.fix else { continue };
        let before = loaded.sources.of(fix.span);
        let of_variable = before.contains("${") && !fix.replacement.contains("${");
        if of_variable || fix.span.end > free_from || before == fix.replacement {
            continue;
        }
        let candidate = format!("{}{}{}", &text[..fix.span.start], fix.replacement, &text[fix.span.end..]);
        if readable && !is_document(&candidate) {
            continue;
        }
        text = candidate;
        free_from = fix.span.start;
        remedies.push(Remedy {
            line: loaded.sources.position(fix.span).line,
            code: diagnostic.code,
            // A secret that stands there is not told.
            before: loaded.sources.shown(file).get(fix.span.range()).unwrap_or_default().to_owned(),
            after: fix.replacement.clone(),
        });
    }
    remedies.reverse();
    (text, remedies)
}
