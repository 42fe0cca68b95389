//! Everything the sandbox knows, as one value that can be copied (stale reads answer from a copy).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::cloudwatch::Monitoring;
use crate::control::events::Event;
use crate::control::parameter_groups::ParameterGroup;
use crate::control::replication_groups::failover::Failover;
use crate::control::replication_groups::{ReplicationGroup, Span};
use crate::control::serverless::ServerlessCache;
use crate::control::service_updates::ServiceUpdate;
use crate::control::snapshots::{ServerlessSnapshot, Snapshot};
use crate::control::subnet_groups::SubnetGroup;
use crate::control::user_groups::UserGroup;
use crate::control::users::User;
use crate::data::DataPlane;
use crate::failures::Failure;
use crate::life::{Job, Timetable};
use crate::quotas::Quotas;
use crate::secrets::Secret;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub account_id: String,
    pub region: String,
    /// A cap below the API's own page sizes, so that paging can be tested with few resources.
    pub page_size: Option<usize>,
    /// How much of AWS's real durations to wait: 0 = nothing, 1 = all.
    pub time_scale: f64,
}

impl Settings {
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:elasticache:{}:{}:{kind}:{name}", self.region, self.account_id)
    }

    /// `us-east-1` is `use1` in endpoint names.
    pub(crate) fn region_code(&self) -> String {
        let mut parts = self.region.split('-');
        let area = parts.next().unwrap_or_default();
        parts.fold(area.to_owned(), |code, part| code + part.get(..1).unwrap_or_default())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub settings: Settings,
    /// Milliseconds since 1970, set before every call and every job.
    pub now: i64,
    pub groups: BTreeMap<String, ReplicationGroup>,
    pub parameter_groups: BTreeMap<String, ParameterGroup>,
    pub subnet_groups: BTreeMap<String, SubnetGroup>,
    pub serverless: BTreeMap<String, ServerlessCache>,
    pub users: BTreeMap<String, User>,
    pub user_groups: BTreeMap<String, UserGroup>,
    pub snapshots: BTreeMap<String, Snapshot>,
    pub serverless_snapshots: BTreeMap<String, ServerlessSnapshot>,
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    pub events: VecDeque<Event>,
    pub monitoring: Monitoring,
    pub secrets: BTreeMap<String, Secret>,
    pub parameters: BTreeMap<String, Secret>,
    pub timetable: Timetable,
    pub failures: Vec<Failure>,
    pub quotas: Quotas,
    pub failover: Failover,
    /// When TestFailover was called, in milliseconds.
    pub test_failovers: Vec<i64>,
    pub service_updates: Vec<ServiceUpdate>,
    /// Groups whose real servers must be brought in line with their shape.
    pub touched: BTreeSet<String>,
    /// Groups whose real servers are being brought in line, with how many shapes are under way;
    /// their life waits for them.
    pub busy: BTreeMap<String, usize>,
    pub servers: Servers,
}

/// Whether endpoints lead to real servers.
#[derive(Clone, Default)]
pub(crate) struct Servers(pub Option<DataPlane>);

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "on" } else { "off" })
    }
}

impl State {
    pub(crate) fn new(settings: Settings, now: i64) -> Self {
        let mut state = State {
            settings,
            now,
            groups: BTreeMap::new(),
            parameter_groups: BTreeMap::new(),
            subnet_groups: BTreeMap::new(),
            serverless: BTreeMap::new(),
            users: BTreeMap::new(),
            user_groups: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            serverless_snapshots: BTreeMap::new(),
            tags: BTreeMap::new(),
            events: VecDeque::new(),
            monitoring: Monitoring::default(),
            secrets: BTreeMap::new(),
            parameters: BTreeMap::new(),
            timetable: Timetable::default(),
            failures: Vec::new(),
            quotas: Quotas::default(),
            failover: Failover::default(),
            test_failovers: Vec::new(),
            service_updates: Vec::new(),
            touched: BTreeSet::new(),
            busy: BTreeMap::new(),
            servers: Servers::default(),
        };
        crate::control::parameter_groups::install_defaults(&mut state);
        crate::control::subnet_groups::install_default(&mut state);
        crate::control::users::install_default(&mut state);
        crate::control::user_groups::install_default(&mut state);
        state
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^53")]
    pub(crate) fn now_seconds(&self) -> f64 {
        self.now as f64 / 1000.0
    }

    /// Whether real servers of this group are not as they should be yet.
    pub(crate) fn is_busy(&self, group: &str) -> bool {
        self.servers.0.is_some() && (self.touched.contains(group) || self.busy.contains_key(group))
    }

    /// From now until `seconds` of AWS's time are over.
    pub(crate) fn span(&self, seconds: f64) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "durations are hours at most")]
        let wait = (seconds * self.settings.time_scale * 1000.0) as i64;
        Span { from: self.now, to: self.now + wait }
    }

    /// Runs `job` after `seconds` of AWS's time.
    pub(crate) fn later(&mut self, seconds: f64, job: Job) {
        let due = self.span(seconds).to;
        self.timetable.add(due, job);
    }
}
