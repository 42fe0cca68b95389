//! Parameter families and the parameters of each, after the parameter tables of the ElastiCache
//! guide. It is a large sample, not the whole list; ranges are AWS's where the guide gives them.

use super::rows::{MEMCACHED, ROWS};
use crate::control::engine::Engine;

/// One parameter in the families of some generations.
pub(crate) struct Row {
    pub name: &'static str,
    pub default: &'static str,
    /// `yes,no`, `0-100`, `1-` or a mix; empty is any text.
    pub allowed: &'static str,
    pub integer: bool,
    pub modifiable: bool,
    pub reboot: bool,
    /// First and last generation that has it.
    pub generations: (u8, u8),
    pub description: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    pub name: &'static str,
    pub engine: Engine,
    /// 3 to 9; Redis 7 and Valkey 7 share one.
    generation: u8,
    minimum_version: &'static str,
}

const fn family(name: &'static str, engine: Engine, generation: u8, minimum_version: &'static str) -> Family {
    Family { name, engine, generation, minimum_version }
}

pub(crate) const FAMILIES: &[Family] = &[
    family("memcached1.4", Engine::Memcached, 0, "1.4.5"),
    family("memcached1.5", Engine::Memcached, 0, "1.5.10"),
    family("memcached1.6", Engine::Memcached, 0, "1.6.6"),
    family("redis3.2", Engine::Redis, 3, "3.2.4"),
    family("redis4.0", Engine::Redis, 4, "4.0.10"),
    family("redis5.0", Engine::Redis, 5, "5.0.6"),
    family("redis6.x", Engine::Redis, 6, "6.0.5"),
    family("redis7", Engine::Redis, 7, "7.0.4"),
    family("valkey7", Engine::Valkey, 7, "7.2.6"),
    family("valkey8", Engine::Valkey, 8, "8.0.1"),
    family("valkey9", Engine::Valkey, 9, "9.0.0"),
];

pub(crate) fn find(name: &str) -> Option<Family> {
    FAMILIES.iter().find(|family| family.name == name).copied()
}

impl Family {
    pub(crate) fn rows(self) -> impl Iterator<Item = &'static Row> {
        let rows = if self.engine == Engine::Memcached { MEMCACHED } else { ROWS };
        rows.iter().filter(move |row| (row.generations.0..=row.generations.1).contains(&self.generation))
    }

    pub(crate) fn row(self, parameter: &str) -> Option<&'static Row> {
        self.rows().find(|row| row.name.eq_ignore_ascii_case(parameter))
    }

    /// Lazy freeing is on by default from Valkey 8.
    pub(crate) fn default_of(self, row: &Row) -> &'static str {
        if row.name.starts_with("lazyfree-") && self.generation >= 8 { "yes" } else { row.default }
    }

    pub(crate) fn minimum_version(self) -> &'static str {
        self.minimum_version
    }

    pub(crate) fn has_cluster_mode(self) -> bool {
        self.generation >= 3
    }
}

impl Row {
    /// Whether AWS would take this value.
    pub(crate) fn allows(&self, value: &str) -> bool {
        if self.integer && value.parse::<i64>().is_err() {
            return false;
        }
        if self.name == "notify-keyspace-events" {
            return value.chars().all(|c| "KEg$lshztxedmnA".contains(c));
        }
        self.allowed.is_empty()
            || self.allowed.split(',').any(|choice| choice == value || (self.integer && in_range(choice, value)))
    }
}

/// `1-75`, `0-` (no upper bound), `-1` (a single negative number).
fn in_range(choice: &str, value: &str) -> bool {
    let Ok(value) = value.parse::<i64>() else {
        return false;
    };
    let Some(split) = choice.get(1..).and_then(|rest| rest.find('-')).map(|at| at + 1) else {
        return choice.parse() == Ok(value);
    };
    let (from, to) = (choice[..split].parse::<i64>(), &choice[split + 1..]);
    from.is_ok_and(|from| from <= value) && (to.is_empty() || to.parse::<i64>().is_ok_and(|to| value <= to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed_by_its_own_row() {
        for family in FAMILIES {
            for row in family.rows().filter(|row| row.modifiable) {
                let value = family.default_of(row);
                assert!(value.is_empty() || row.allows(value), "{} {} {value}", family.name, row.name);
            }
        }
    }

    #[test]
    fn ranges_are_read() {
        assert!(in_range("1-75", "75") && !in_range("1-75", "76"));
        assert!(in_range("0-", "900000") && !in_range("0-", "-1"));
        assert!(in_range("-2", "-2") && !in_range("-2", "2"));
        assert!(in_range("-1-", "-1"));
    }

    #[test]
    fn families_differ_as_the_engines_do() {
        let has = |family: &str, name: &str| find(family).is_some_and(|f| f.row(name).is_some());
        assert!(has("redis6.x", "hash-max-ziplist-entries"));
        assert!(!has("valkey8", "hash-max-ziplist-entries"));
        assert!(has("valkey8", "hash-max-listpack-entries"));
        for family in FAMILIES.iter().filter(|family| family.generation >= 6) {
            assert!(family.rows().count() >= 60, "{} has {}", family.name, family.rows().count());
        }
    }
}
