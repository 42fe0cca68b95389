//! Resource Groups Tagging: GetResources over everything that has tags.

use crate::control::{paging, tags};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Arguments AWS bounds in the API model.
const ARNS_PER_CALL: usize = 100;

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidParameterException", message)
}

pub(crate) fn get_resources(state: &State, input: &Input) -> Result<Output, Refusal> {
    let types = input.texts("ResourceTypeFilters").unwrap_or_default();
    let arns = input.texts("ResourceARNList").unwrap_or_default();
    let mut filters = Vec::new();
    for filter in input.list("TagFilters").unwrap_or_default() {
        let key = filter.text("Key").ok_or_else(|| invalid("A tag filter needs a Key."))?;
        filters.push((key, filter.texts("Values").unwrap_or_default()));
    }
    if arns.len() > ARNS_PER_CALL {
        return Err(invalid(format!("ResourceARNList can hold at most {ARNS_PER_CALL} ARNs.")));
    }
    if !arns.is_empty() && (!types.is_empty() || !filters.is_empty() || input.has("ResourcesPerPage")) {
        // API model, ResourceARNList: not together with other filters or paging.
        return Err(invalid(
            "ResourceARNList can not be used together with ResourcesPerPage, ResourceTypeFilters or TagFilters.",
        ));
    }
    let asked = match input.int("ResourcesPerPage").map_err(|refusal| invalid(refusal.message))? {
        None => 50,
        Some(n @ 1..=100) => usize::try_from(n).unwrap_or(50),
        Some(n) => return Err(invalid(format!("ResourcesPerPage must be between 1 and 100: {n}"))),
    };
    let found = state.tags.iter().chain(&state.monitoring.tags).filter(|(arn, tags)| {
        // A resource that never had a tag is not known to the service.
        !tags.is_empty()
            && (arns.is_empty() || arns.contains(arn))
            && (types.is_empty() || types.iter().any(|wanted| is_of_type(arn, wanted)))
            && filters
                .iter()
                .all(|(key, values)| tags.get(key).is_some_and(|value| values.is_empty() || values.contains(value)))
    });
    let mut found: Vec<(&String, &tags::Tags)> = found.collect();
    found.sort();
    let items = found.into_iter().map(|(arn, tags)| (arn, (arn, tags)));
    let page = paging::cut(input.text("PaginationToken"), asked, state.settings.page_size, items, |(arn, held)| {
        Record::new().put("ResourceARN", arn).list("Tags", "member", tags::render(held)).into()
    })
    .map_err(|refusal| invalid(refusal.message))?;
    Ok(Record::new()
        // AWS answers the last page with an empty token.
        .put("PaginationToken", page.next.unwrap_or_default())
        .list("ResourceTagMappingList", "member", page.items)
        .into())
}

/// `elasticache`, `elasticache:replicationgroup`, `cloudwatch:alarm`.
fn is_of_type(arn: &str, wanted: &str) -> bool {
    let mut parts = arn.split(':').skip(2);
    let (service, kind) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match wanted.split_once(':') {
        None => service == wanted,
        Some((name, of)) => service == name && kind == of,
    }
}
