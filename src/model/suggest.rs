//! "Did you mean …?": the known word that a person most likely meant.

/// Longer words are no slips of known ones, and comparing them would take its time.
const LONGEST: usize = 64;

/// How near the nearest known word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    pub word: String,
    /// The same word in another spelling, or a slip that only this one word explains.
    pub certain: bool,
}

/// The known word that a person most likely meant, and how sure that is; `None` where none is near.
///
/// Another spelling (`engine_version`, `EngineVersion`), a slip of the keyboard, or the known word that
/// begins or ends with this one (`nodeType` for `cacheNodeType`).
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<Near> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let plain = plainly(word);
    let mut best: Option<(usize, &str)> = None;
    let mut tied = false;
    for candidate in known {
        let other = plainly(candidate);
        let distance = strsim::damerau_levenshtein(&plain, &other);
        let slip = distance <= 1 + other.len().min(plain.len()) / 4 && distance < other.len().min(plain.len());
        let part = plain.len() >= 4 && (other.ends_with(&plain) || other.starts_with(&plain));
        // A slip of two letters is less likely than a part of the word.
        let rank = if slip && (distance < 2 || !part) {
            100 * distance
        } else if part {
            150 + other.len()
        } else {
            continue;
        };
        match best {
            Some((least, _)) if rank > least => {}
            Some((least, _)) if rank == least => tied = true,
            _ => (best, tied) = (Some((rank, candidate)), false),
        }
    }
    let (rank, word) = best?;
    // Of a word of two letters, one letter is half.
    let certain = !tied && (rank == 0 || (rank % 100 == 0 && rank < 300 && plain.len() > 3));
    Some(Near { word: word.to_owned(), certain })
}

/// The known word that a person most likely meant; `None` where none is near.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    near(word, known).map(|near| near.word)
}

fn plainly(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Words as a choice: `a, b or c`; a long list is cut.
pub fn either(words: &[&str]) -> String {
    const SHOWN: usize = 8;
    if words.len() > SHOWN + 1 {
        return format!("{}, … ({} in all)", words[..SHOWN].join(", "), words.len());
    }
    match words {
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_and_slips_are_understood() {
        let known = ["engineVersion", "engine", "cacheNodeType", "numNodeGroups", "numCacheClusters"];
        let said = |word: &str| suggest(word, known.into_iter());
        assert_eq!(said("engine_version").as_deref(), Some("engineVersion"));
        assert_eq!(said("EngineVersion").as_deref(), Some("engineVersion"));
        assert_eq!(said("enginVersion").as_deref(), Some("engineVersion"));
        assert_eq!(said("nodeType").as_deref(), Some("cacheNodeType"));
        assert_eq!(said("colour"), None);
        assert_eq!(
            suggest("no-password", ["password", "no-password-required"].into_iter()).as_deref(),
            Some("no-password-required")
        );
        assert_eq!(near("MB", ["GB"].into_iter()).map(|near| near.certain), Some(false));
        assert_eq!(said(&"x".repeat(1_000_000)), None);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(either(&["a", "b", "c"]), "a, b or c");
        let words: Vec<_> = std::iter::repeat_n("w", 30).collect();
        assert_eq!(either(&words), "w, w, w, w, w, w, w, w, … (30 in all)");
    }
}
