//! `--cost`: which prices, and where the estimate goes.

use std::borrow::Cow;
use std::path::Path;

use super::args::CostArgs;
use super::clock;
use super::exit::{CliError, Exit};
use crate::advise::cost::{self, Fate};
use crate::model::cost::Cost;
use crate::model::plan::{Action, Plan};
use crate::model::prices::Prices;
use crate::model::{Glob, Live, Spec};

/// Longer files are no price lists.
const MAX_FILE: u64 = 8 << 20;

/// The prices that were asked for. `None` without `--cost`.
pub fn prices(args: &CostArgs) -> Result<Option<Cow<'static, Prices>>, CliError> {
    match &args.price_file {
        Some(path) => read(path).map(|prices| Some(Cow::Owned(prices))),
        None => Ok(args.cost.then(|| Cow::Borrowed(Prices::built_in()))),
    }
}

/// A price list of one's own.
pub fn read(path: &Path) -> Result<Prices, CliError> {
    let name = path.display();
    let failed = |why: String| {
        CliError::new(Exit::Usage, format!("--price-file {name}: {why}"))
            .hint("it has the form of data/elasticache.json in cachectl's repository: region, date, currency, nodes, serverless")
    };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(failed("it is larger than 8 MB, which is no price list".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Prices::parse(&text).map_err(failed)
}

/// What the stack costs as it is, and as the spec has it.
pub fn of_stack(spec: &Spec, live: &Live, only: &[Glob], prices: &Prices) -> Cost {
    cost::of_stack(spec, live, only, prices, &clock::today(), &|_| Fate::Kept)
}

/// Writes into the plan what it costs, where prices are given.
pub fn add(plan: &mut Plan, spec: &Spec, live: &Live, only: &[Glob], prices: Option<&Prices>) {
    let Some(prices) = prices else { return };
    let deleted = |address: &_| plan.change(address).is_some_and(|change| change.action == Action::Delete);
    let fate = |address: &_| if deleted(address) { Fate::Deleted } else { Fate::Kept };
    let cost = cost::of_stack(spec, live, only, prices, &clock::today(), &fate);
    plan.cost = Some(cost);
}
