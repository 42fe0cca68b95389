//! The same sandbox without the wire: one call after the other, by the API's own names, in process.
//! For tests that make very many of them.

use serde_json::{Map, Value};

use crate::control::{self, replication_groups::modify, serverless};
use crate::failures::{Failure, Kind};
use crate::handle::Options;
use crate::refusal::Refusal;
use crate::state::Settings;
use crate::wire::{Incoming, Protocol, Service, json};
use crate::world::World;

/// An account of its own, without endpoints and without a log of calls.
pub struct Direct {
    world: World,
}

impl Direct {
    /// Takes account, region, page size and time scale of the options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let settings = Settings {
            account_id: options.account_id,
            region: options.region,
            page_size: options.page_size,
            time_scale: options.time_scale,
        };
        Direct { world: World::new(settings, None) }
    }

    /// One call of ElastiCache, CloudWatch or Resource Groups Tagging and its result, both by the API's
    /// member names. An operation without a result answers with an empty object.
    ///
    /// # Errors
    /// What AWS would refuse.
    pub fn call(&mut self, operation: &str, parameters: Value) -> Result<Value, Refusal> {
        let service = match operation {
            "GetResources" => Service::Tagging,
            name if control::operation(name).is_some() => Service::ElastiCache,
            _ => Service::CloudWatch,
        };
        let incoming = Incoming {
            service,
            operation: operation.to_owned(),
            protocol: Protocol::Json { content_type: "application/x-amz-json-1.1" },
            input: json::read(parameters),
        };
        let result = self.world.run(&incoming, None)?;
        Ok(result.as_ref().map_or_else(|| Value::Object(Map::new()), json::write))
    }

    /// Carries out what the group has waiting for its maintenance window; `false` if nothing waits.
    ///
    /// # Errors
    /// The group does not exist or is not `available`.
    pub fn open_maintenance_window(&mut self, group: &str) -> Result<bool, Refusal> {
        self.world.edit(|state| modify::open_window(state, &group.to_ascii_lowercase()))
    }

    /// Data are migrated into a serverless cache, at this status of AWS's; `None` ends it.
    ///
    /// # Errors
    /// The cache does not exist or is not `available`.
    pub fn migrate(&mut self, cache: &str, status: Option<&str>) -> Result<(), Refusal> {
        self.world.edit(|state| serverless::migrate(state, cache, status.map(str::to_owned)))
    }

    /// Orders one asynchronous failure, for one group or cache or for whichever comes next.
    pub fn fail_next(&mut self, kind: Kind, target: Option<&str>) {
        let target = target.map(str::to_owned);
        self.world.edit(|state| state.failures.push(Failure { kind, target }));
    }
}
