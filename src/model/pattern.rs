//! The caching patterns that a smoke test can run: their names, and what each proves.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// One way in which applications use a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Pattern {
    CacheAside,
    WriteThrough,
    WriteBehind,
    Stampede,
    Session,
    Lock,
    VersionedKeys,
}

impl Pattern {
    /// Every pattern, in the order in which a smoke test runs them where the spec names none.
    pub const ALL: [Self; 7] = [
        Self::CacheAside,
        Self::WriteThrough,
        Self::WriteBehind,
        Self::Stampede,
        Self::Session,
        Self::Lock,
        Self::VersionedKeys,
    ];

    /// The names that specs and reports use, in the order of [`Pattern::ALL`].
    pub const NAMES: [&'static str; 7] =
        ["cacheAside", "writeThrough", "writeBehind", "stampede", "session", "lock", "versionedKeys"];

    /// The name used in specs and reports.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What a cache that passes it has shown.
    pub fn proves(self) -> &'static str {
        match self {
            Self::CacheAside => "a hit is what the source holds, an invalidated key is read again, filled keys expire",
            Self::WriteThrough => "a client that reads its own write finds it, never an older value",
            Self::WriteBehind => {
                "counters lose no increment while the cache lives, and are drained whole; what is not yet drained is lost with the cache"
            }
            Self::Stampede => "however many clients miss at once, the source is read once",
            Self::Session => "a session lives as long as it is used, and not longer",
            Self::Lock => {
                "one client of many gets the lock, and only its token releases it (a failover can still lose it)"
            }
            Self::VersionedKeys => {
                "one increment of a version invalidates every key made with it, for every client at once"
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|pattern| pattern.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patterns_name_in_specs_is_its_name_in_reports() {
        for pattern in Pattern::ALL {
            assert_eq!(serde_json::to_value(pattern).unwrap(), pattern.as_str());
            assert_eq!(pattern.as_str().parse(), Ok(pattern));
        }
        assert_eq!("aside".parse::<Pattern>(), Err(()));
    }
}
