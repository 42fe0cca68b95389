//! What the person at the command line allows.

use std::str::FromStr;

use crate::resource::Address;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    Delete,
    Replace,
    Adopt,
    Reboot,
    Flush,
}

/// `ACTION:ADDRESS-GLOB`, such as `delete:alarm/*`.
#[derive(Clone, Debug)]
pub struct Allow {
    pub permit: Permit,
    pub glob: Glob,
}

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (action, glob) =
            text.split_once(':').ok_or("expected ACTION:ADDRESS-GLOB, such as replace:replicationGroup/prod-cache")?;
        let permit = match action {
            "delete" => Permit::Delete,
            "replace" => Permit::Replace,
            "adopt" => Permit::Adopt,
            "reboot" => Permit::Reboot,
            "flush" => Permit::Flush,
            other => return Err(format!("`{other}` is no action: delete, replace, adopt, reboot or flush")),
        };
        if glob.is_empty() {
            return Err("the address glob is empty; `*` means every address".into());
        }
        Ok(Self { permit, glob: Glob(glob.to_owned()) })
    }
}

/// `*` matches anything, `/` too. Kinds match in any case.
#[derive(Clone, Debug)]
pub struct Glob(pub String);

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("the address glob is empty".into()) } else { Ok(Self(text.to_owned())) }
    }
}

impl Glob {
    pub fn matches(&self, address: &Address) -> bool {
        wild(self.0.to_ascii_lowercase().as_bytes(), address.to_string().to_ascii_lowercase().as_bytes())
    }
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

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub allow: Vec<Allow>,
    pub only: Vec<Glob>,
    pub prune: bool,
    pub all_hops: bool,
    pub show_unchanged: bool,
    /// `yyyymmdd-hhmmss` in UTC, for the names of final snapshots.
    pub timestamp: String,
    /// Plan the deletion of all that the stack owns.
    pub destroy: bool,
    /// Every secret must be readable, also of what exists: an apply that does not see a new password is no success.
    pub secrets: bool,
}

impl Options {
    pub fn allows(&self, permit: Permit, address: &Address) -> bool {
        self.allow.iter().any(|allow| allow.permit == permit && allow.glob.matches(address))
    }

    pub fn selects(&self, address: &Address) -> bool {
        self.only.is_empty() || self.only.iter().any(|glob| glob.matches(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
