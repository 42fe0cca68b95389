//! List prices of one region, on demand: those of the repository, or of a file of one's own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::node_type;

/// Hours of the month that estimates are for, as AWS's own calculator counts them.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// The list prices of a region, as of a date.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    pub region: String,
    /// `yyyy-mm-dd`
    pub date: String,
    pub currency: String,
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    nodes: BTreeMap<String, NodePrice>,
    /// By engine.
    #[serde(default)]
    serverless: BTreeMap<String, ServerlessPrice>,
    durability_sync: Option<DurabilitySync>,
    extended_support: Option<ExtendedSupport>,
}

/// Prices of one node for an hour; `None` where the engine is not sold on it, or nobody knows.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodePrice {
    usd_hour_redis: Option<f64>,
    usd_hour_valkey: Option<f64>,
}

/// What a serverless cache costs by use.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessPrice {
    pub usd_million_ecpu: f64,
    pub usd_gb_hour: f64,
    /// GB that are paid for, stored or not.
    pub minimum_gb: f64,
}

/// The add-on for writes that are acknowledged once they are durable.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DurabilitySync {
    #[serde(default)]
    source: String,
    #[serde(default)]
    usd_hour: BTreeMap<String, f64>,
}

/// The surcharge on engine versions that AWS no longer supports as standard.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtendedSupport {
    #[serde(default)]
    source: String,
    engine: String,
    /// By major version.
    majors: BTreeMap<String, Since>,
    surcharge: f64,
    surcharge_third_year: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Since {
    from: String,
    third_year_from: String,
}

/// A price with the words that have to stand beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced {
    pub value: f64,
    pub source: String,
}

static BUILT_IN: LazyLock<Prices> =
    LazyLock::new(|| Prices::parse(node_type::DATA).expect("data/elasticache.json is read in a test"));

impl Prices {
    /// The prices that the repository carries.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Prices from a file of the same form as `data/elasticache.json`; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if prices.region.is_empty() {
            return Err("`region` is empty".to_owned());
        }
        if prices.currency != "USD" {
            return Err(format!("`currency` is {}: prices are in USD", prices.currency));
        }
        if !super::day::is_day(&prices.date) {
            return Err(format!("`date` is {:?}: expected yyyy-mm-dd", prices.date));
        }
        let wrong = prices.all().find(|(_, price)| !(price.is_finite() && *price >= 0.0));
        match wrong.map(|(what, price)| format!("the price of {what} is {price}")) {
            Some(why) => Err(why),
            None => Ok(prices),
        }
    }

    fn all(&self) -> impl Iterator<Item = (&str, f64)> {
        let nodes = self.nodes.iter().flat_map(|(name, price)| {
            [price.usd_hour_redis, price.usd_hour_valkey].into_iter().flatten().map(move |price| (name.as_str(), price))
        });
        let serverless = self.serverless.iter().flat_map(|(engine, price)| {
            [price.usd_million_ecpu, price.usd_gb_hour, price.minimum_gb].map(|price| (engine.as_str(), price))
        });
        let durability = self
            .durability_sync
            .iter()
            .flat_map(|sync| sync.usd_hour.iter().map(|(name, price)| (name.as_str(), *price)));
        let extended = self.extended_support.iter().flat_map(|extended| {
            [extended.surcharge, extended.surcharge_third_year].map(|share| ("extendedSupport", share))
        });
        nodes.chain(serverless).chain(durability).chain(extended)
    }

    /// USD for one node and hour. `None`: not sold, or not in the list.
    pub fn node_hour(&self, node_type: &str, engine: &str) -> Option<f64> {
        let price = self.nodes.get(node_type)?;
        match engine {
            "redis" => price.usd_hour_redis,
            "valkey" => price.usd_hour_valkey,
            _ => None,
        }
    }

    /// What a serverless cache of this engine costs by use; `None`: not in the list.
    pub fn serverless(&self, engine: &str) -> Option<ServerlessPrice> {
        self.serverless.get(engine).copied()
    }

    /// USD that synchronous durability adds to a node and hour.
    pub fn durability_sync_hour(&self, node_type: &str) -> Option<Sourced> {
        let sync = self.durability_sync.as_ref()?;
        let value = *sync.usd_hour.get(node_type)?;
        Some(Sourced { value, source: sync.source.clone() })
    }

    /// The surcharge on an engine version on a day (`yyyy-mm-dd`), as a share of the node's price.
    pub fn extended_support(&self, engine: &str, major: u32, today: &str) -> Option<Sourced> {
        let extended = self.extended_support.as_ref().filter(|extended| extended.engine == engine)?;
        let since = extended.majors.get(&major.to_string())?;
        let value = if today >= since.third_year_from.as_str() {
            extended.surcharge_third_year
        } else if today >= since.from.as_str() {
            extended.surcharge
        } else {
            return None;
        };
        Some(Sourced { value, source: extended.source.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valkey_costs_four_fifths_of_redis_on_every_type_that_runs_both() {
        let prices = Prices::built_in();
        let mut both = 0;
        for node_type in node_type::all() {
            let of = |engine: &str| prices.node_hour(&node_type.name, engine);
            let runs_redis = node_type::family(node_type.family())
                .is_some_and(|family| family.runs("redis") != node_type::Runs::Never);
            assert_eq!(of("redis").is_some(), runs_redis, "{}", node_type.name);
            let valkey = of("valkey").unwrap_or_else(|| panic!("{} has no price", node_type.name));
            if let Some(redis) = of("redis") {
                both += 1;
                assert!((valkey - redis * 0.8).abs() < 1e-4, "{}: {valkey} of {redis}", node_type.name);
            }
        }
        assert_eq!(both, 73);
    }

    #[test]
    fn extended_support_begins_on_its_day_and_doubles_in_its_third_year() {
        let on = |engine: &str, major: u32, day: &str| {
            Prices::built_in().extended_support(engine, major, day).map(|share| share.value)
        };
        assert_eq!(
            (on("redis", 5, "2026-01-31"), on("redis", 5, "2026-02-01"), on("redis", 5, "2028-02-01")),
            (None, Some(0.8), Some(1.6))
        );
        assert_eq!((on("redis", 6, "2027-01-31"), on("redis", 6, "2027-02-01")), (None, Some(0.8)));
        assert_eq!((on("redis", 7, "2030-01-01"), on("valkey", 7, "2030-01-01")), (None, None));
    }

    #[test]
    fn a_price_file_that_makes_no_sense_is_refused_with_the_reason() {
        let refused = |text: &str| Prices::parse(text).expect_err(text);
        assert!(refused("{}").contains("region"));
        assert!(refused(r#"{"region":"eu-west-1","date":"yesterday","currency":"USD"}"#).contains("yyyy-mm-dd"));
        assert!(refused(r#"{"region":"eu-west-1","date":"2026-10-02","currency":"EUR"}"#).contains("USD"));
        let negative = r#"{"region":"eu-west-1","date":"2026-10-02","currency":"USD","nodes":{"cache.r7g.large":{"usdHourValkey":-1}}}"#;
        assert!(refused(negative).contains("cache.r7g.large"));
    }
}
