//! Engines and the versions ElastiCache offers, newest last.

use crate::refusal::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Redis,
    Valkey,
    Memcached,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Redis => "redis",
            Engine::Valkey => "valkey",
            Engine::Memcached => "memcached",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "redis" => Some(Engine::Redis),
            "valkey" => Some(Engine::Valkey),
            "memcached" => Some(Engine::Memcached),
            _ => None,
        }
    }

    /// The engine of a replication group, a user or a user group.
    pub(crate) fn parse_replicated(text: &str) -> Result<Self, Refusal> {
        match Self::parse(text) {
            Some(engine @ (Engine::Redis | Engine::Valkey)) => Ok(engine),
            _ => Err(Refusal::invalid_value(format!(
                "The parameter Engine has an invalid value: {text}. Valid values are redis, valkey."
            ))),
        }
    }
}

/// One version on offer. `major.minor` is what clients ask for; members report the patch level too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub engine: Engine,
    pub major: u8,
    pub minor: u8,
    pub patch: u8,
}

const fn version(engine: Engine, major: u8, minor: u8, patch: u8) -> Version {
    Version { engine, major, minor, patch }
}

/// What DescribeCacheEngineVersions lists. AWS moves patch levels without notice; these are samples.
pub(crate) const OFFERED: &[Version] = &[
    version(Engine::Memcached, 1, 6, 22),
    version(Engine::Redis, 4, 0, 10),
    version(Engine::Redis, 5, 0, 6),
    version(Engine::Redis, 6, 0, 5),
    version(Engine::Redis, 6, 2, 6),
    version(Engine::Redis, 7, 0, 7),
    version(Engine::Redis, 7, 1, 0),
    version(Engine::Valkey, 7, 2, 6),
    version(Engine::Valkey, 8, 0, 1),
    version(Engine::Valkey, 8, 1, 0),
    version(Engine::Valkey, 8, 2, 0),
    version(Engine::Valkey, 9, 0, 0),
    version(Engine::Valkey, 9, 1, 0),
];

impl Version {
    /// `7.2.6`: how members report it.
    pub(crate) fn full(self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
    }

    /// How a client names it: `7.2`, but `5.0.6` before Redis 6 and for Memcached.
    pub(crate) fn offered_name(self) -> String {
        if self.names_patch() { self.full() } else { format!("{}.{}", self.major, self.minor) }
    }

    fn names_patch(self) -> bool {
        self.major < 6
    }

    pub(crate) fn family(self) -> String {
        match (self.engine, self.major) {
            (Engine::Redis, 6) => "redis6.x".into(),
            (Engine::Redis, major) if major < 6 => format!("redis{major}.{}", self.minor),
            (Engine::Memcached, major) => format!("memcached{major}.{}", self.minor),
            (engine, major) => format!("{}{major}", engine.name()),
        }
    }

    pub(crate) fn at_least(self, major: u8, minor: u8, patch: u8) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }

    /// In-place TLS changes came with Redis 7.0.5 (TransitEncryptionMode in the API model).
    pub(crate) fn allows_tls_change(self) -> bool {
        self.engine == Engine::Valkey || self.at_least(7, 0, 5)
    }

    pub(crate) fn latest(engine: Engine) -> Self {
        OFFERED.iter().rev().find(|version| version.engine == engine).copied().unwrap_or(OFFERED[0])
    }

    /// Resolves what a client asked for. Redis 6 and later and Valkey are chosen by `major.minor`
    /// (`6.x` is the newest 6); before that by the full version.
    pub(crate) fn requested(engine: Engine, text: &str) -> Result<Self, Refusal> {
        if engine == Engine::Redis && text.eq_ignore_ascii_case("6.x") {
            return Ok(OFFERED[4]);
        }
        let offered = || OFFERED.iter().filter(|version| version.engine == engine);
        if let Some(found) = offered().find(|version| version.offered_name() == text) {
            return Ok(*found);
        }
        if let Some(patch) = offered()
            .find(|version| !version.names_patch() && text.starts_with(&format!("{}.", version.offered_name())))
        {
            return Err(Refusal::invalid_combination(format!(
                "Specific version selection is not allowed for '{text}', please use '{}'",
                patch.offered_name()
            )));
        }
        Err(Refusal::invalid_combination(format!("Cannot find version {text} for {}", engine.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_chosen_as_the_api_names_them() {
        let named = |engine, text| Version::requested(engine, text).map(Version::full);
        assert_eq!(named(Engine::Valkey, "7.2"), Ok("7.2.6".into()));
        assert_eq!(named(Engine::Redis, "6.x"), Ok("6.2.6".into()));
        assert_eq!(named(Engine::Redis, "5.0.6"), Ok("5.0.6".into()));
        assert!(named(Engine::Valkey, "7.2.6").is_err());
        assert!(named(Engine::Redis, "7.2").is_err());
        assert_eq!(Version::latest(Engine::Redis).family(), "redis7");
    }
}
