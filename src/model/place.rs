//! Places in the texts that a spec was read from.

use std::ops::Range;

/// One of the files that a spec was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The bytes of the span, as an index into the text of its file.
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
