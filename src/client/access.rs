//! What an access string lets its user do, as far as a test must know before it logs in.

/// A user's rules, read from an access string such as `on ~app:* +@read +@write`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub on: bool,
    /// Key patterns for reading and writing, and for reading alone.
    written: Vec<String>,
    read: Vec<String>,
    writes: bool,
}

/// Where a user's keys may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Keys that begin like this may be read and written.
    Written(String),
    /// They may only be read.
    Read(String),
    /// No key at all, or none that a test could choose.
    Nowhere,
}

impl Access {
    /// Reads an access string, without selectors in parentheses: they add rights, and never take any.
    pub(crate) fn parse(text: &str) -> Self {
        let mut access = Self::default();
        for word in without_selectors(text).split_whitespace() {
            match word {
                "on" => access.on = true,
                "off" => access.on = false,
                "allkeys" => access.written.push("*".to_owned()),
                "resetkeys" => {
                    access.written.clear();
                    access.read.clear();
                }
                "reset" => access = Self::default(),
                "allcommands" | "+@all" | "+@write" | "+set" => access.writes = true,
                "nocommands" | "-@all" | "-@write" | "-set" => access.writes = false,
                _ => access.key_pattern(word),
            }
        }
        access
    }

    fn key_pattern(&mut self, word: &str) {
        if let Some(pattern) = word.strip_prefix('~') {
            self.written.push(pattern.to_owned());
        } else if let Some((rights, pattern)) = word.strip_prefix('%').and_then(|rest| rest.split_once('~')) {
            let may = |right| rights.chars().any(|letter| letter.eq_ignore_ascii_case(&right));
            match (may('R'), may('W')) {
                (true, true) => self.written.push(pattern.to_owned()),
                (true, false) => self.read.push(pattern.to_owned()),
                _ => {}
            }
        }
    }

    /// Where keys of a test may lie that would by itself begin with `base`.
    pub(crate) fn prefix(&self, base: &str) -> Prefix {
        let writable = if self.writes { &self.written[..] } else { &[] };
        if let Some(prefix) = under(writable, base) {
            return Prefix::Written(prefix);
        }
        let readable: Vec<String> = self.written.iter().chain(&self.read).cloned().collect();
        under(&readable, base).map_or(Prefix::Nowhere, Prefix::Read)
    }
}

/// `base`, if a pattern allows it; else the first pattern that is a plain beginning, with `base` after it.
fn under(patterns: &[String], base: &str) -> Option<String> {
    let beginnings: Vec<&str> = patterns
        .iter()
        .filter_map(|pattern| pattern.strip_suffix('*'))
        .filter(|beginning| !beginning.contains(['*', '?', '[', ']', '\\']))
        .collect();
    if beginnings.iter().any(|beginning| base.starts_with(beginning)) {
        return Some(base.to_owned());
    }
    beginnings.first().map(|beginning| format!("{beginning}{base}"))
}

fn without_selectors(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "cachectl:smoke:";

    fn prefix(access: &str) -> Prefix {
        Access::parse(access).prefix(BASE)
    }

    #[test]
    fn keys_lie_where_the_user_may_write() {
        assert_eq!(prefix("on ~* +@all"), Prefix::Written(BASE.into()));
        assert_eq!(prefix("on allkeys allcommands"), Prefix::Written(BASE.into()));
        assert_eq!(prefix("on ~cachectl:* +@all"), Prefix::Written(BASE.into()));
        assert_eq!(prefix("on ~app:* +@all -@dangerous"), Prefix::Written("app:cachectl:smoke:".into()));
        assert_eq!(prefix("on ~a ~b[1]* %RW~c:* +@write +@read"), Prefix::Written("c:cachectl:smoke:".into()));
    }

    #[test]
    fn a_user_who_may_not_write_reads() {
        assert_eq!(prefix("on ~app:* -@all +@read"), Prefix::Read("app:cachectl:smoke:".into()));
        assert_eq!(prefix("on %R~app:* +@all"), Prefix::Read("app:cachectl:smoke:".into()));
        assert_eq!(prefix("on %W~app:* +@all"), Prefix::Nowhere);
        assert_eq!(prefix("on ~app:* resetkeys +@all"), Prefix::Nowhere);
        assert_eq!(prefix("on +@all"), Prefix::Nowhere);
    }

    #[test]
    fn the_last_of_on_and_off_counts_and_selectors_do_not() {
        assert!(Access::parse("off ~* +@all on").on);
        assert!(!Access::parse("on ~* off").on);
        assert!(!Access::parse("off (on ~* +@all)").on);
        assert_eq!(prefix("on ~app:* +@all (~* +@all)"), Prefix::Written("app:cachectl:smoke:".into()));
    }
}
