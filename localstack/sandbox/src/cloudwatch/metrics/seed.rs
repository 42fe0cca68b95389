//! A past for metrics: what the control door seeds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Metric, Sample};
use crate::control::clusters;
use crate::refusal::Refusal;
use crate::state::State;

/// One metric over some days up to now: its values in turn, again and again, one a period.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seeded {
    #[serde(default = "elasticache")]
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// A replication group: then every member of it gets the metric, as ElastiCache does it, with CacheClusterId alone
    /// and with CacheNodeId beside it.
    #[serde(default)]
    pub group: Option<String>,
    /// With `group`: only members of this role, `primary` or `replica`.
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default = "two_weeks")]
    pub days: f64,
    /// Seconds.
    #[serde(default = "five_minutes")]
    pub period: f64,
    pub values: Vec<f64>,
}

fn elasticache() -> String {
    "AWS/ElastiCache".into()
}

fn two_weeks() -> f64 {
    14.0
}

fn five_minutes() -> f64 {
    300.0
}

impl Seeded {
    /// A metric of ElastiCache with these values over two weeks.
    pub fn new(name: &str, values: &[f64]) -> Self {
        Seeded {
            namespace: elasticache(),
            name: name.to_owned(),
            dimensions: BTreeMap::new(),
            group: None,
            role: None,
            days: two_weeks(),
            period: five_minutes(),
            values: values.to_vec(),
        }
    }

    /// Of every member of a group.
    #[must_use]
    pub fn of_group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    #[must_use]
    pub fn with_dimension(mut self, name: &str, value: &str) -> Self {
        self.dimensions.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// Adds the past of these metrics and says how many series it has.
pub(crate) fn seed(state: &mut State, metrics: &[Seeded]) -> Result<usize, Refusal> {
    let now = state.now_seconds();
    let mut series = 0;
    for seeded in metrics {
        let is_legal = !seeded.values.is_empty() && seeded.period >= 1.0 && seeded.days > 0.0;
        if !is_legal {
            return Err(Refusal::invalid_value(format!(
                "{}: values must be given, the period at least a second, days above 0.",
                seeded.name
            )));
        }
        let last = (now / seeded.period).floor() * seeded.period;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of samples")]
        let count = (seeded.days * 86_400.0 / seeded.period) as u32;
        let at = |number: u32| last - f64::from(count - number) * seeded.period;
        let past: Vec<Sample> = (0..count)
            .zip(seeded.values.iter().cycle())
            .map(|(number, value)| Sample::one(at(number), *value))
            .collect();
        for dimensions in all_dimensions(state, seeded)? {
            let metric = Metric { namespace: seeded.namespace.clone(), name: seeded.name.clone(), dimensions };
            state.monitoring.metrics.add(metric, past.iter().copied());
            series += 1;
        }
    }
    Ok(series)
}

fn all_dimensions(state: &State, seeded: &Seeded) -> Result<Vec<BTreeMap<String, String>>, Refusal> {
    let Some(id) = &seeded.group else { return Ok(vec![seeded.dimensions.clone()]) };
    let group = state.group(&id.to_ascii_lowercase())?;
    let wanted = |primary: bool| seeded.role.as_deref().is_none_or(|role| (role == "primary") == primary);
    let members = group.members().filter(|member| wanted(member.primary));
    Ok(members
        .flat_map(|member| {
            let mut of_cluster = seeded.dimensions.clone();
            of_cluster.insert("CacheClusterId".into(), member.id.clone());
            let mut of_node = of_cluster.clone();
            of_node.insert("CacheNodeId".into(), clusters::NODE_ID.into());
            [of_cluster, of_node]
        })
        .collect())
}
