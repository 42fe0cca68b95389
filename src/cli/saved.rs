//! Saved plans: what `plan --out` writes and `apply PLAN.json` checks before it believes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::Allowances;
use super::exit::{CliError, Exit};
use super::files;
use crate::model::Spec;
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, FORMAT_VERSION, Plan};
use crate::render::environment::hidden;
use crate::spec::Request;

const SOURCE: &str = "source";

#[derive(Debug)]
pub struct Saved {
    pub plan: Plan,
    pub source: Source,
}

/// How the plan was made, so that the same spec is read again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub spec: PathBuf,
    pub environment: Option<String>,
    pub overlays: Vec<PathBuf>,
    pub variables: Vec<(String, String)>,
    pub allow: Vec<String>,
    pub only: Vec<String>,
    pub prune: bool,
    pub all_hops: bool,
    /// Names the final snapshots that the plan shows.
    pub timestamp: String,
}

impl Saved {
    pub fn new(plan: Plan, request: &Request, allowances: &Allowances, timestamp: &str) -> Self {
        let name = |permit: Permit| format!("{permit:?}").to_lowercase();
        Self {
            plan,
            source: Source {
                spec: request.path.clone(),
                environment: request.environment.clone(),
                overlays: request.overlays.clone(),
                variables: request.variables.clone(),
                allow: allowances
                    .allow
                    .iter()
                    .map(|allow| format!("{}:{}", name(allow.permit), allow.glob.0))
                    .collect(),
                only: allowances.only.iter().map(|glob| glob.0.clone()).collect(),
                prune: allowances.prune,
                all_hops: allowances.all_hops,
                timestamp: timestamp.to_owned(),
            },
        }
    }

    /// The plan's own document, with one more key that says how it was made.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let mut document = json!(self.plan);
        document[SOURCE] = json!(self.source);
        files::write(path, &super::printer::json(&document), &read_by(&self.request()))
    }

    pub fn request(&self) -> Request {
        Request {
            path: self.source.spec.clone(),
            environment: self.source.environment.clone(),
            overlays: self.source.overlays.clone(),
            variables: self.source.variables.clone(),
        }
    }

    pub fn options(&self) -> Options {
        Options {
            allow: self.source.allow.iter().filter_map(|allow| allow.parse().ok()).collect(),
            only: self.source.only.iter().filter_map(|glob| glob.parse().ok()).collect(),
            prune: self.source.prune,
            all_hops: self.source.all_hops,
            timestamp: self.source.timestamp.clone(),
            ..Options::default()
        }
    }

    /// Why the plan no longer holds, if so. The file is a claim: what counts is whether `fresh`, the plan made now of
    /// the same spec, does the same.
    pub fn stale(&self, spec: &Spec, live: &Live, fresh: &Plan) -> Option<String> {
        if self.plan.account_id != live.account_id || self.plan.region != live.region {
            return Some(format!(
                "it was made for account {} in {}, this is {} in {}",
                self.plan.account_id, self.plan.region, live.account_id, live.region
            ));
        }
        if self.plan.spec_digest != spec.digest {
            return Some("the spec has changed since".to_owned());
        }
        let moved = self.plan.changes.iter().find_map(|change| {
            let now = crate::plan::fingerprint::of(live, &change.address);
            match (change.action, &change.fingerprint, now) {
                (Action::Create, None, Some(_)) => Some(format!("{} now exists", change.address)),
                (Action::Create, None, None) => None,
                (_, Some(before), Some(now)) if *before == now => None,
                (_, Some(_), None) => Some(format!("{} is gone", change.address)),
                (_, Some(_), Some(_)) => Some(format!("{} has changed since", change.address)),
                _ => None,
            }
        });
        // A plan that is blocked now says itself why.
        moved.or_else(|| hidden(fresh, spec).departs_from(&self.plan).filter(|_| !fresh.is_blocked()))
    }
}

/// The files that a request reads, which no output goes over.
pub fn read_by(request: &Request) -> Vec<PathBuf> {
    std::iter::once(&request.path).chain(&request.overlays).cloned().collect()
}

/// A saved plan is told from a spec by what it is, not by its name.
pub fn is_plan(path: &Path) -> bool {
    // Not of a pipe, which is read once, by whoever reads the spec.
    let document = files::text_of_file(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    document.is_some_and(|document| document.get("formatVersion").is_some())
}

pub fn read(path: &Path) -> Result<Saved, CliError> {
    let name = path.display();
    let text = files::read(path)?;
    let no_plan = |why: String| {
        CliError::new(Exit::Usage, format!("{name} is not a saved plan: {why}"))
            .hint("`cachectl plan --out PLAN.json` writes one")
    };
    let mut document: Value = serde_json::from_str(&text).map_err(|error| no_plan(error.to_string()))?;
    let format = document.get("formatVersion").and_then(Value::as_str).unwrap_or_default();
    if format != FORMAT_VERSION {
        let message = format!("{name} has format `{format}`, this cachectl writes {FORMAT_VERSION}");
        return Err(CliError::new(Exit::Stale, message).hint("plan again"));
    }
    let source =
        document.get_mut(SOURCE).map(Value::take).ok_or_else(|| no_plan("it was printed, not saved".to_owned()))?;
    let source: Source = serde_json::from_value(source).map_err(|error| no_plan(error.to_string()))?;
    if !source.timestamp.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Err(no_plan(format!("`{}` is not a time", source.timestamp.escape_debug())));
    }
    let plan = serde_json::from_value(document).map_err(|error| no_plan(error.to_string()))?;
    Ok(Saved { plan, source })
}
