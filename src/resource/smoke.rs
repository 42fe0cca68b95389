//! cachectl's own settings of a cache's smoke test.

use crate::model::pattern::Pattern;
use crate::model::shape::{Field, Keys, Shape, decimal, integer, list, pattern, text};

const ENDPOINT: Shape = pattern(r"^[^:\s]+:[0-9]{1,5}$", 300, "127.0.0.1:6380");

/// What a spec may say under `smoke`: the load, the way in, what must hold, or `none`.
pub const SMOKE: Shape = Shape::OrNone(&Shape::Object(&[
    Field::new(
        "patterns",
        "",
        list(&Shape::Enum(&Pattern::NAMES), 0, Pattern::NAMES.len()),
        "Caching patterns to run. Default all.",
    ),
    Field::new("duration", "", Shape::Duration, "How long the whole smoke test may load the cache. Default 10s."),
    Field::new("clients", "", integer(1, 1000), "Connections of the load. Default 8."),
    Field::new("pipeline", "", integer(1, 1000), "Commands that each connection has under way at most. Default 1."),
    Field::new(
        "rate",
        "",
        decimal(0.1, 1_000_000.0),
        "Operations a second of the load, at a fixed schedule. Default half of what the cache took.",
    ),
    Field::new("readRatio", "", decimal(0.0, 1.0), "Share of the load's operations that read, 0 to 1. Default 0.9."),
    Field::new("keys", "", integer(1, 10_000_000), "Keys of the load, as far as `maxBytes` allows. Default 1000."),
    Field::new(
        "distribution",
        "",
        pattern(r"^(uniform|zipf(:[0-9]+(\.[0-9]+)?)?)$", 32, "zipf:0.99"),
        "How often each key is asked for: `uniform`, `zipf` or `zipf:S`. Default uniform.",
    ),
    Field::new("valueSize", "", integer(1, 1_048_576), "Bytes of each value. Default 512."),
    Field::new(
        "maxBytes",
        "",
        integer(1, 1_099_511_627_776),
        "Memory that the test may take in each shard. Default the least of 32 MiB, 1 % of maxmemory and half of what is free, which it never exceeds.",
    ),
    Field::new(
        "keyPrefix",
        "",
        text(256),
        "What the test's keys begin with. Default cachectl:smoke:, or what the user's access string allows.",
    ),
    Field::new("readOnly", "", Shape::Bool, "The user may only read: nothing is written. Default false."),
    Field::new("timeout", "", Shape::Duration, "How long connecting and each operation may take. Default 3s."),
    Field::new(
        "onUnreachable",
        "",
        Shape::Enum(&["fail", "warn", "skip"]),
        "What a cache counts as that this machine cannot reach. Default fail where the host refuses or `require` is set, else warn.",
    ),
    Field::new(
        "onUndecided",
        "",
        Shape::Enum(&["fail", "warn"]),
        "What it counts as when a measurement cannot tell whether `require` holds. Default fail.",
    ),
    Field::new(
        "host",
        "",
        text(255),
        "Connect here instead of to the cache's endpoint: the near end of a tunnel. TLS still checks the cache's real name.",
    ),
    Field::new("port", "", integer(1, 65_535), "Port to go with `host`."),
    Field::new(
        "endpointMap",
        "",
        Shape::Map { of: &ENDPOINT, keys: Keys::Any },
        "Where the cache's names lead from here: `NAME:PORT` (or a name alone) to the near end of a tunnel.",
    ),
    Field::new("caFile", "", text(4096), "PEM file of the certificate authorities to trust, instead of the system's."),
    Field::new("username", "", text(120), "User to log in as, where the cache has user groups."),
    Field::new(
        "password",
        "",
        Shape::Secret,
        "Where that user's password is kept. A cache with an `authToken` uses that.",
    ),
    Field::new("require", "", Shape::Object(REQUIRE), "What must hold for the smoke test to pass."),
]));

const MILLISECONDS: Shape = decimal(0.001, 3_600_000.0);
const SHARE: Shape = decimal(0.0, 1.0);

/// The bounds; latencies count from when each command was due.
const REQUIRE: &[Field] = &[
    Field::new("p50Ms", "", MILLISECONDS, "Median of the load's latency, at most this many milliseconds."),
    Field::new("p95Ms", "", MILLISECONDS, "95th percentile of the load's latency, at most this many milliseconds."),
    Field::new("p99Ms", "", MILLISECONDS, "99th percentile of the load's latency, at most this many milliseconds."),
    Field::new("p999Ms", "", MILLISECONDS, "99.9th percentile of the load's latency, at most this many milliseconds."),
    Field::new("maxMs", "", MILLISECONDS, "Longest latency of the load, at most this many milliseconds."),
    Field::new("maxGapMs", "", MILLISECONDS, "Longest time without an answer, at most this many milliseconds."),
    Field::new("errorRate", "", SHARE, "Share of the load's operations that may fail, 0 to 1."),
    Field::new("hitRate", "", SHARE, "Share of cache-aside reads that must hit, 0 to 1."),
    Field::new("opsPerSecond", "", decimal(0.1, 1_000_000_000.0), "Operations a second that the load must reach."),
];
