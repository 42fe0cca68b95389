//! Globs over addresses.

use std::str::FromStr;

use super::{Address, Kind};

/// A pattern of addresses, in which `*` matches anything, `/` too.
///
/// Letter case makes no difference.
#[derive(Clone, Debug)]
pub struct Glob(pub String);

impl FromStr for Glob {
    type Err = String;

    /// Errors on what no address can match: a misspelt kind, or a bare name.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the address glob is empty; `*` means every address".into());
        }
        let kind = text.split_once('/').map(|(kind, _)| kind);
        if kind.is_some_and(|kind| !kind.contains('*')) || !text.contains('*') {
            text.parse::<Address>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl Glob {
    /// Does this address match?
    pub fn matches(&self, address: &Address) -> bool {
        matches(&self.0, address)
    }

    /// May an address of this kind match?
    pub fn may_be(&self, kind: Kind) -> bool {
        match self.0.split_once('/') {
            Some((name, _)) if !name.contains('*') => name.eq_ignore_ascii_case(kind.name()),
            // A star may stand for anything, the rest of the kind and the slash too.
            _ => {
                let fixed = self.0.split('*').next().unwrap_or_default().to_ascii_lowercase();
                let name = format!("{}/", kind.name()).to_ascii_lowercase();
                name.starts_with(&fixed) || fixed.starts_with(&name)
            }
        }
    }
}

/// Does this address match the text of a glob?
pub fn matches(glob: &str, address: &Address) -> bool {
    if !glob.contains('*') {
        // Most are plain, and large specs hold thousands against thousands: no copy of either is made.
        return glob.split_once('/').is_some_and(|(kind, id)| {
            id.eq_ignore_ascii_case(&address.id) && kind.eq_ignore_ascii_case(address.kind.name())
        });
    }
    wild(glob.to_ascii_lowercase().as_bytes(), address.to_string().to_ascii_lowercase().as_bytes())
}

fn wild(pattern: &[u8], text: &[u8]) -> bool {
    // The classic two-pointer walk: linear but for the last star.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            p = star_p + 1;
            t = star_t + 1;
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_address_can_match_is_refused() {
        for text in ["*", "user/*", "*/prod", "USER/a", "alarm/a/b", "re*", "re*/prod"] {
            assert!(text.parse::<Glob>().is_ok(), "{text}");
        }
        for text in ["", "prod", "replicationGroups/*", "cache/prod"] {
            assert!(text.parse::<Glob>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_matches_slashes_and_a_plain_address_only_itself() {
        let address: Address = "replicationGroup/prod-cache".parse().expect("an address");
        for (glob, matches) in [
            ("*", true),
            ("replicationGroup/*", true),
            ("replicationgroup/prod-cache", true),
            ("*cache", true),
            ("replicationGroup/prod", false),
            ("alarm/*", false),
        ] {
            assert_eq!(Glob(glob.into()).matches(&address), matches, "{glob}");
        }
    }
}
