//! Node types with their memory, which decides what is a scale-up and what a scale-down.

/// `maxmemory` before reserved-memory-percent, from the parameter group pages of the ElastiCache
/// guide where they list it; the newest generations are taken to equal their predecessors.
const SIZES: &[(&str, &[(&str, u64)])] = &[
    ("t2", &[("micro", 581_959_680), ("small", 1_665_138_688), ("medium", 3_461_349_376)]),
    ("t3", &[("micro", 536_870_912), ("small", 1_471_026_299), ("medium", 3_317_862_236)]),
    ("t4g", &[("micro", 536_870_912), ("small", 1_471_026_299), ("medium", 3_317_862_236)]),
    (
        "m4",
        &[
            ("large", 6_892_593_152),
            ("xlarge", 15_328_501_760),
            ("2xlarge", 31_889_126_359),
            ("4xlarge", 65_257_290_629),
            ("10xlarge", 166_047_614_239),
        ],
    ),
    ("m5", M_SIZES),
    ("m6g", M_SIZES),
    ("m7g", M_SIZES),
    (
        "r4",
        &[
            ("large", 13_201_781_556),
            ("xlarge", 26_898_228_839),
            ("2xlarge", 54_197_537_997),
            ("4xlarge", 108_858_546_586),
            ("8xlarge", 218_255_432_090),
            ("16xlarge", 437_021_573_120),
        ],
    ),
    ("r5", R_SIZES),
    ("r6g", R_SIZES),
    ("r7g", R_SIZES),
    (
        "r6gd",
        &[
            ("xlarge", 28_261_849_702),
            ("2xlarge", 56_711_183_565),
            ("4xlarge", 113_609_865_216),
            ("8xlarge", 225_000_375_228),
            ("12xlarge", 341_206_346_547),
            ("16xlarge", 450_000_750_456),
        ],
    ),
    (
        "c7gn",
        &[
            ("large", 3_317_862_236),
            ("xlarge", 6_854_542_746),
            ("2xlarge", 13_891_921_715),
            ("4xlarge", 27_966_669_210),
            ("8xlarge", 56_116_178_125),
            ("12xlarge", 84_000_000_000),
            ("16xlarge", 112_000_000_000),
        ],
    ),
];

const M_SIZES: &[(&str, u64)] = &[
    ("large", 6_854_542_746),
    ("xlarge", 13_891_921_715),
    ("2xlarge", 27_966_669_210),
    ("4xlarge", 56_116_178_125),
    ("8xlarge", 111_865_225_062),
    ("12xlarge", 168_715_971_994),
    ("16xlarge", 223_730_450_124),
    ("24xlarge", 337_431_943_988),
];

const R_SIZES: &[(&str, u64)] = &[
    ("large", 14_037_181_030),
    ("xlarge", 28_261_849_702),
    ("2xlarge", 56_711_183_565),
    ("4xlarge", 113_609_865_216),
    ("8xlarge", 225_000_375_228),
    ("12xlarge", 341_206_346_547),
    ("16xlarge", 450_000_750_456),
    ("24xlarge", 682_485_973_811),
];

/// Memory of `cache.r7g.large`, `None` for a type that does not exist.
pub fn memory(node_type: &str) -> Option<u64> {
    let (family, size) = split(node_type)?;
    let (_, sizes) = SIZES.iter().find(|(name, _)| *name == family)?;
    sizes.iter().find(|(name, _)| *name == size).map(|(_, bytes)| *bytes)
}

pub fn all() -> impl Iterator<Item = (String, u64)> {
    SIZES
        .iter()
        .flat_map(|(family, sizes)| sizes.iter().map(move |(size, bytes)| (format!("cache.{family}.{size}"), *bytes)))
}

pub fn family(node_type: &str) -> &str {
    split(node_type).map_or("", |(family, _)| family)
}

/// r6gd keeps part of its data on SSD; a group can neither enter nor leave that family.
pub fn has_data_tiering(node_type: &str) -> bool {
    family(node_type) == "r6gd"
}

/// Types a group of this type can change to: (up, down). Types of equal memory count as up.
pub fn allowed_modifications(current: &str) -> (Vec<String>, Vec<String>) {
    let Some(memory_now) = memory(current) else {
        return (Vec::new(), Vec::new());
    };
    let candidates = all().filter(|(name, _)| name != current && has_data_tiering(name) == has_data_tiering(current));
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (name, bytes) in candidates {
        if bytes >= memory_now { &mut up } else { &mut down }.push(name);
    }
    (up, down)
}

fn split(node_type: &str) -> Option<(&str, &str)> {
    node_type.strip_prefix("cache.")?.split_once('.')
}
