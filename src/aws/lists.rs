//! What an account has of each kind: lists where much is wanted, calls by name where little is, so that other
//! teams' resources cost nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::error::AwsError;
use crate::model::live::Found;
use crate::model::{Address, Kind, Spec};

/// After the first page of a list, up to this many missing resources are asked for by name.
pub(super) const FEW: usize = 10;
/// Requests under way at once.
pub const CONCURRENCY: usize = 16;

/// What a read is for.
#[derive(Default)]
pub struct Wanted {
    pub by_kind: BTreeMap<Kind, BTreeSet<String>>,
    /// Kinds of which everything is wanted.
    pub whole: BTreeSet<Kind>,
}

/// Which ones of a kind.
pub(super) enum Ids {
    Named(BTreeSet<String>),
    All,
}

impl Ids {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Ids::Named(ids) if ids.is_empty())
    }

    pub(super) fn only(&self) -> Option<&String> {
        match self {
            Ids::Named(ids) if ids.len() == 1 => ids.first(),
            _ => None,
        }
    }

    /// How many they are; `None` where nobody knows.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Ids::Named(ids) => Some(ids.len()),
            Ids::All => None,
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        match self {
            Ids::Named(ids) => ids.contains(id),
            Ids::All => true,
        }
    }

    /// Those that were not found; `None` where nobody knows what there is.
    pub(super) fn missing(&self, found: &Found) -> Option<Vec<String>> {
        match self {
            Ids::Named(ids) => Some(ids.iter().filter(|id| !found.contains_key(*id)).cloned().collect()),
            Ids::All => None,
        }
    }
}

impl Wanted {
    pub fn new(spec: &Spec) -> Self {
        let mut wanted = Self::default();
        for resource in spec.resources.values() {
            wanted.add(resource.address.clone());
            for need in crate::resource::references(resource) {
                wanted.add(need);
            }
        }
        // What a cache says is to go is looked for, too.
        crate::resource::companion::unwanted(spec).for_each(|companion| wanted.add(companion));
        wanted
    }

    pub fn add(&mut self, address: Address) {
        self.by_kind.entry(address.kind).or_default().insert(address.id);
    }

    pub fn of(&self, kind: Kind) -> BTreeSet<String> {
        self.by_kind.get(&kind).cloned().unwrap_or_default()
    }

    /// Those of one kind, and all others.
    pub(super) fn parted(&self, kind: Kind) -> (Self, Self) {
        let (of_kind, others) = self.by_kind.clone().into_iter().partition(|(own, _)| *own == kind);
        let (whole, other_whole) = self.whole.iter().copied().partition(|own| *own == kind);
        (Self { by_kind: of_kind, whole }, Self { by_kind: others, whole: other_whole })
    }

    pub(super) fn ids(&self, kind: Kind) -> Ids {
        if self.whole.contains(&kind) { Ids::All } else { Ids::Named(self.of(kind)) }
    }
}

/// One Describe call that lists in pages and also takes a name. One resource is asked for by its name. Of
/// several the first page is a list, and what is still missing then is asked for by name where it is little,
/// since other teams' resources may fill many pages.
macro_rules! lister {
    ($name:ident, $operation:literal, $call:ident, $by_id:ident, $items:ident, $id:ident, $describe:ident) => {
        pub(super) async fn $name(
            aws: &$crate::aws::client::Aws,
            wanted: $crate::aws::lists::Ids,
        ) -> Result<$crate::model::live::Found, $crate::aws::error::AwsError> {
            use futures::stream::{self, StreamExt, TryStreamExt};

            use $crate::aws::error::{AwsError, Kind as ErrorKind};
            use $crate::aws::lists::{CONCURRENCY, FEW, named};
            use $crate::aws::pages::Pages;
            use $crate::model::live::Found;

            let by_name = async |ids: Vec<String>| {
                let reads = ids.into_iter().map(|id| async move {
                    match aws.elasticache.$call().$by_id(&id).send().await {
                        Ok(answer) => {
                            let Some(item) = answer.$items().first() else { return Ok(None) };
                            let named = named($operation, item.$id())?;
                            if named == id {
                                Ok(Some((id, $describe(item))))
                            } else {
                                Err(AwsError::bad_answer(
                                    $operation,
                                    format!("the answer is about {named}, not about {id}"),
                                ))
                            }
                        }
                        Err(error) => match AwsError::of($operation, error) {
                            error if error.kind == ErrorKind::NotFound => Ok(None),
                            error => Err(error),
                        },
                    }
                });
                let read: Vec<Option<(String, Value)>> =
                    stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
                Ok::<_, AwsError>(read.into_iter().flatten())
            };
            let (mut found, mut pages) = (Found::new(), Pages::of($operation));
            if let Some(only) = wanted.only() {
                return Ok(by_name(vec![only.clone()]).await?.collect());
            }
            while !wanted.is_none() {
                let answer = aws.elasticache.$call().max_records(100).set_marker(pages.token()).send().await;
                let answer = answer.map_err(|error| AwsError::of($operation, error))?;
                for item in answer.$items() {
                    let id = named($operation, item.$id())?;
                    if wanted.contains(&id) {
                        found.insert(id, $describe(item));
                    }
                }
                if !pages.turn(answer.marker())? {
                    break;
                }
                let Some(missing) = wanted.missing(&found) else { continue };
                if missing.is_empty() {
                    break;
                }
                if missing.len() <= FEW {
                    found.extend(by_name(missing).await?);
                    break;
                }
            }
            Ok(found)
        }
    };
}

pub(super) use lister;

/// The id of something in an answer. What has none could be anything.
pub(super) fn named(operation: &str, id: Option<&str>) -> Result<String, AwsError> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(id.to_ascii_lowercase()),
        None => Err(AwsError::bad_answer(operation, "something in the answer has no name: the answer is rejected")),
    }
}
