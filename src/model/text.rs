//! Numbers in sentences.

/// `1 node`, `2 nodes`.
pub fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
