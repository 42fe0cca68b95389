//! The texts that a spec was read from, and places in them.

use std::ops::Range;

/// One of the files of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn range(self) -> Range<usize> {
        self.start..self.end.max(self.start)
    }
}

/// Line and column of a place, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    text: String,
    /// The text as it may be shown: what looks like a secret is masked, byte for byte.
    shown: String,
}

/// Every file that took part in a spec: the spec itself, its overlays, values from the command line.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<File>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let shown = mask_secrets(&text);
        self.files.push(File { name: name.into(), text, shown });
        FileId(self.files.len() - 1)
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

    /// Hides what stands under a span from everything that is shown.
    pub fn mask(&mut self, span: Span) {
        let shown = &mut self.files[span.file.0].shown;
        let range = span.start..span.end.min(shown.len());
        if shown.is_char_boundary(range.start) && shown.is_char_boundary(range.end) {
            let masked = masked(&shown[range.clone()]);
            shown.replace_range(range, &masked);
        }
    }

    pub fn position(&self, span: Span) -> Position {
        let before = &self.text(span.file)[..span.start.min(self.text(span.file).len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// `file:line:column`, as editors and terminals make it a link.
    pub fn locate(&self, span: Span) -> String {
        let Position { line, column } = self.position(span);
        format!("{}:{line}:{column}", self.name(span.file))
    }
}

/// As long as the text, with its line ends, so that every position stays true.
fn masked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect()
}

/// A broken spec cannot be decoded, and its lines are shown all the same: literal values of keys that
/// sound like secrets are masked by their looks.
fn mask_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let value = line.find(':').map(|colon| colon + 1).filter(|at| {
            let key = line[..*at].to_ascii_lowercase();
            ["token", "password", "secret"].iter().any(|word| key.contains(word)) && !key.contains("secretsmanager")
        });
        let start = value.map(|at| at + line[at..].len() - line[at..].trim_start().len());
        match start.filter(|at| {
            !line[*at..].trim_end().is_empty()
                && !line[*at..].starts_with(['{', '&', '*', '#'])
                && !line[*at..].starts_with("[{")
        }) {
            Some(at) => {
                let end = at + line[at..].trim_end().len();
                let null = matches!(&line[at..end], "null" | "~" | "[]" | "|" | ">");
                out.push_str(&line[..at]);
                out.push_str(&if null { line[at..end].to_owned() } else { masked(&line[at..end]) });
                out.push_str(&line[end..]);
            }
            None => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_never_shown() {
        let mut sources = Sources::default();
        let file = sources.add(
            "a.yaml",
            "authToken: hunter2\npasswords: [hunter2]\nauthToken: {env: TOKEN}\nauthToken: null\nport: 1\n",
        );
        assert_eq!(
            sources.shown(file),
            "authToken: *******\npasswords: *********\nauthToken: {env: TOKEN}\nauthToken: null\nport: 1\n"
        );
    }
}
