//! Engine versions. AWS manages the patch level from redis 6 and valkey on: a spec says `7.2`, the
//! members say `7.2.6`. Redis 5 and older are declared in full.

use std::cmp::Ordering;

/// An engine version: `7.2`, `6.x`, or `5.0.6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub major: u32,
    /// `None` is the `x` of `6.x`: whichever minor version AWS runs.
    pub minor: Option<u32>,
    pub patch: Option<u32>,
}

impl Version {
    /// Reads `7.2`, `6.x` or `5.0.6`; `None` for anything else, a major version alone included.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let major = number(parts.next()?)?;
        let minor = match parts.next()? {
            "x" => None,
            digits => Some(number(digits)?),
        };
        let patch = match parts.next() {
            None => None,
            Some(digits) => Some(number(digits)?),
        };
        parts.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Is every version that `self` stands for covered by what runs?
    fn matches(self, live: Self) -> bool {
        self.major == live.major
            && (self.minor.is_none() || self.minor == live.minor)
            && (self.major >= 6 || self.patch.is_none() || self.patch == live.patch)
    }

    /// How this declared version stands to another; equal where it covers that, as `6.x` does `6.2.6`.
    pub fn compare(self, other: Self) -> Ordering {
        if self.matches(other) {
            return Ordering::Equal;
        }
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch))
    }

    /// Is it this version or a later one? What a version leaves open counts as the latest.
    pub fn at_least(self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor.unwrap_or(u32::MAX), self.patch.unwrap_or(u32::MAX)) >= (major, minor, patch)
    }
}

fn number(digits: &str) -> Option<u32> {
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// Does the declared version name what runs?
pub fn same(declared: &str, live: &str) -> bool {
    match (Version::parse(declared), Version::parse(live)) {
        (Some(declared), Some(live)) => declared.matches(live),
        _ => declared == live,
    }
}

/// What runs, as a spec asks for it: `7.2.6` is `7.2`, `5.0.6` stays.
pub fn declared(live: &str) -> String {
    match Version::parse(live) {
        Some(Version { major: major @ 6.., minor: Some(minor), .. }) => format!("{major}.{minor}"),
        _ => live.to_owned(),
    }
}

/// The parameter group family of an engine version: `valkey8`, `redis7`, `redis6.x`, `redis5.0`.
pub fn family(engine: &str, version: &str) -> Option<String> {
    let version = Version::parse(version)?;
    Some(match (engine, version.major) {
        ("redis", 6) => "redis6.x".to_owned(),
        ("redis", major @ ..=5) => format!("redis{major}.{}", version.minor?),
        (engine, major) => format!("{engine}{major}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_minor_version_covers_every_patch_level() {
        assert!(same("7.2", "7.2.6"));
        assert!(same("6.x", "6.2.6"));
        assert!(!same("7.2", "8.0.1"));
        assert!(!same("5.0.6", "5.0.5"));
    }

    #[test]
    fn the_patch_level_is_not_declared_where_it_is_aws_own() {
        for (live, wanted) in [("7.2.6", "7.2"), ("8.0", "8.0"), ("6.x", "6.x"), ("5.0.6", "5.0.6"), ("?", "?")] {
            assert_eq!(declared(live), wanted);
        }
    }

    #[test]
    fn families_are_named_as_aws_names_them() {
        assert_eq!(family("valkey", "8.0").as_deref(), Some("valkey8"));
        assert_eq!(family("redis", "6.2").as_deref(), Some("redis6.x"));
        assert_eq!(family("redis", "5.0.6").as_deref(), Some("redis5.0"));
        assert_eq!(family("redis", "7.1").as_deref(), Some("redis7"));
    }

    #[test]
    fn an_x_is_not_a_downgrade_of_the_running_minor_version() {
        let parse = |text| Version::parse(text).expect("a version");
        assert_eq!(parse("6.x").compare(parse("6.2.6")), Ordering::Equal);
        assert_eq!(parse("7.2").compare(parse("8.0.1")), Ordering::Less);
        assert!(Version::parse("6.xfoo").is_none());
    }
}
