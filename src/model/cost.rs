//! What caches cost in a month, as plans and reports carry it.

use serde::{Deserialize, Serialize};

use crate::model::Address;

/// The monthly cost of one cache, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// USD that the cache costs at least, by what is known; null where nothing is.
    pub usd_month: Option<f64>,
    /// USD that it can come to where its use is billed; null without limits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usd_month_at_most: Option<f64>,
    /// How the sum comes about, a line each.
    pub arithmetic: Vec<String>,
    /// What the sum leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown: Vec<String>,
}

impl Estimate {
    /// Adds a part of the cost that is known, in USD a month, and the line that shows how it comes about.
    pub fn add(&mut self, usd: f64, line: String) {
        self.usd_month = Some(self.usd_month.unwrap_or(0.0) + usd);
        self.arithmetic.push(line);
    }

    /// An estimate of a cache of which no price is known, for this reason.
    pub fn unknown(reason: String) -> Self {
        Self { unknown: vec![reason], ..Self::default() }
    }
}

/// What one cache costs before and after a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheCost {
    pub address: Address,
    /// Null: it does not exist.
    pub before: Option<Estimate>,
    pub after: Option<Estimate>,
}

/// The caches of a stack, by one list of prices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    pub currency: String,
    /// Region, date and source of the prices.
    pub region: String,
    pub date: String,
    pub source: String,
    pub hours_per_month: f64,
    pub caches: Vec<CacheCost>,
    /// Sums of what is known.
    pub usd_month_before: f64,
    pub usd_month_after: f64,
    /// Is all of both sums known? False where a price is missing, or where use is billed.
    pub complete: bool,
    pub not_counted: String,
}
