//! Saved plans: what `plan --out` writes and `apply PLAN.json` checks before it believes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::args::Allowances;
use super::exit::{CliError, Exit};
use crate::plan::model::{Action, FORMAT_VERSION, Plan};
use crate::plan::options::{Options, Permit};
use crate::resource::live::Live;
use crate::spec::{Request, Spec};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
}

impl Saved {
    pub fn new(plan: Plan, request: &Request, allowances: &Allowances) -> Self {
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
            },
        }
    }

    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(path, text + "\n")
            .map_err(|error| CliError::new(Exit::Error, format!("cannot write {}: {error}", path.display())))
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
            timestamp: super::clock::compact(),
            ..Options::default()
        }
    }

    /// Why the plan no longer holds, if so.
    pub fn stale(&self, spec: &Spec, live: &Live) -> Option<String> {
        if self.plan.account_id != live.account_id || self.plan.region != live.region {
            return Some(format!(
                "it was made for account {} in {}, this is {} in {}",
                self.plan.account_id, self.plan.region, live.account_id, live.region
            ));
        }
        if self.plan.spec_digest != spec.digest {
            return Some("the spec has changed since".to_owned());
        }
        self.plan.changes.iter().find_map(|change| {
            let now = crate::plan::fingerprint::of(live, &change.address);
            match (change.action, &change.fingerprint, now) {
                (Action::Create, None, Some(_)) => Some(format!("{} exists by now", change.address)),
                (Action::Create, None, None) => None,
                (_, Some(before), Some(now)) if *before == now => None,
                (_, Some(_), None) => Some(format!("{} is gone", change.address)),
                (_, Some(_), Some(_)) => Some(format!("{} has changed since", change.address)),
                _ => None,
            }
        })
    }
}

pub fn is_plan(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

pub fn read(path: &Path) -> Result<Saved, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(Exit::Error, format!("cannot read {}: {error}", path.display())))?;
    let saved: Saved = serde_json::from_str(&text).map_err(|error| {
        CliError::new(Exit::Usage, format!("{} is no saved plan: {error}", path.display()))
            .hint("`cachectl plan --out PLAN.json` writes one")
    })?;
    if saved.plan.format_version != FORMAT_VERSION {
        return Err(CliError::new(
            Exit::Stale,
            format!(
                "{} has format {}, this cachectl writes {FORMAT_VERSION}",
                path.display(),
                saved.plan.format_version
            ),
        )
        .hint("plan again"));
    }
    Ok(saved)
}
