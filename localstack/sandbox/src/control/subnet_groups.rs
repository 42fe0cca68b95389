//! Subnet groups. There is no EC2 here: a subnet's zone is read off its id, or derived from it.

use crate::control::{paging, tags};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// The quotas of the API model's error list; the numbers are AWS's defaults.
const GROUPS: usize = 300;
const SUBNETS: usize = 20;

#[derive(Debug, Clone)]
pub(crate) struct SubnetGroup {
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub subnets: Vec<String>,
}

impl SubnetGroup {
    /// The zones in the order of the subnets, each once.
    pub(crate) fn zones(&self, region: &str) -> Vec<String> {
        let mut zones: Vec<String> = Vec::new();
        for subnet in &self.subnets {
            let zone = zone_of(subnet, region);
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones
    }

    fn render(&self, state: &State) -> Output {
        let subnets = self.subnets.iter().map(|subnet| {
            let zone = Record::new().put("Name", zone_of(subnet, &state.settings.region));
            Output::from(Record::new().put("SubnetIdentifier", subnet).put("SubnetAvailabilityZone", zone).list(
                "SupportedNetworkTypes",
                "member",
                ["ipv4"],
            ))
        });
        Record::new()
            .put("CacheSubnetGroupName", &self.name)
            .put("CacheSubnetGroupDescription", &self.description)
            .put("VpcId", &self.vpc)
            .list("Subnets", "Subnet", subnets)
            .put("ARN", state.settings.arn("subnetgroup", &self.name))
            .list("SupportedNetworkTypes", "member", ["ipv4"])
            .into()
    }
}

/// `subnet-private-1b` is in zone b; any other id gets one of a, b and c, always the same. The end of
/// a real id (`subnet-0f3c1a`) is longer than a zone, so the two are not mixed up.
pub(crate) fn zone_of(subnet: &str, region: &str) -> String {
    let end = subnet.rsplit('-').next().unwrap_or_default();
    let letter = match end.as_bytes() {
        [digits @ .., letter @ b'a'..=b'f']
            if matches!(digits.len(), 1 | 2) && digits.iter().all(u8::is_ascii_digit) =>
        {
            char::from(*letter)
        }
        _ => {
            let sum: usize = subnet.bytes().map(usize::from).sum();
            ['a', 'b', 'c'][sum % 3]
        }
    };
    format!("{region}{letter}")
}

/// A subnet id may name its VPC (`subnet-vpc2-1a`), so that "one VPC only" can be tried.
fn vpc_of(subnet: &str) -> String {
    match subnet.split('-').nth(1) {
        Some(part) if part.starts_with("vpc") => format!("vpc-{part}"),
        _ => "vpc-sandbox".to_owned(),
    }
}

/// Every account has one that leads to its default VPC.
pub(crate) fn install_default(state: &mut State) {
    let subnets = ["a", "b", "c"].map(|zone| format!("subnet-default-1{zone}"));
    state.subnet_groups.insert(
        "default".into(),
        SubnetGroup {
            name: "default".into(),
            description: "Default CacheSubnetGroup".into(),
            vpc: "vpc-sandbox".into(),
            subnets: subnets.to_vec(),
        },
    );
}

fn not_found(name: &str) -> Refusal {
    // The API model gives this one fault status 400.
    Refusal::bad("CacheSubnetGroupNotFoundFault", format!("Cache Subnet Group {name} does not exist."))
}

fn checked_subnets(subnets: &[String]) -> Result<String, Refusal> {
    let Some(first) = subnets.first() else {
        return Err(Refusal::invalid_value("The parameter SubnetIds must be provided and must not be blank."));
    };
    if subnets.len() > SUBNETS {
        return Err(Refusal::bad(
            "CacheSubnetQuotaExceededFault",
            format!("Cannot have more than {SUBNETS} subnets in a cache subnet group."),
        ));
    }
    let malformed = subnets.iter().find(|id| {
        !id.strip_prefix("subnet-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    });
    if let Some(id) = malformed {
        return Err(Refusal::bad("InvalidSubnet", format!("The subnet ID '{id}' does not exist")));
    }
    let vpc = vpc_of(first);
    if subnets.iter().any(|id| vpc_of(id) != vpc) {
        return Err(Refusal::bad("InvalidSubnet", "Subnets must be in the same VPC."));
    }
    Ok(vpc)
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheSubnetGroupName")?;
    let legal = name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte));
    if !legal {
        return Err(Refusal::invalid_value(format!("The parameter CacheSubnetGroupName is not a valid name: {name}")));
    }
    let description = input.required("CacheSubnetGroupDescription")?;
    let subnets = input.texts("SubnetIds").unwrap_or_default();
    let vpc = checked_subnets(&subnets)?;
    let tags = tags::read(input)?;
    if state.subnet_groups.contains_key(&name) {
        return Err(Refusal::bad(
            "CacheSubnetGroupAlreadyExists",
            format!("Cache subnet group {name} already exists."),
        ));
    }
    if state.subnet_groups.len() > GROUPS {
        return Err(Refusal::bad(
            "CacheSubnetGroupQuotaExceeded",
            format!("Cannot create more than {GROUPS} cache subnet groups."),
        ));
    }
    tags::put(state, &state.settings.arn("subnetgroup", &name), tags);
    let group = SubnetGroup { name: name.clone(), description, vpc, subnets };
    let answer = Record::new().put("CacheSubnetGroup", group.render(state)).into();
    state.subnet_groups.insert(name, group);
    Ok(answer)
}

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheSubnetGroupName")?;
    let region = state.settings.region.clone();
    let current = state.subnet_groups.get(&name).ok_or_else(|| not_found(&name))?;
    let mut wanted = current.clone();
    if let Some(description) = input.text("CacheSubnetGroupDescription") {
        wanted.description = description;
    }
    if let Some(subnets) = input.texts("SubnetIds").filter(|subnets| !subnets.is_empty()) {
        if checked_subnets(&subnets)? != current.vpc {
            return Err(Refusal::bad(
                "InvalidSubnet",
                "The new Subnets are not in the same Vpc as the existing subnet group",
            ));
        }
        wanted.subnets = subnets;
        let zones = wanted.zones(&region);
        let mut homes = state
            .groups
            .values()
            .filter(|group| group.subnet_group == name)
            .flat_map(|group| group.members().map(|member| &member.zone));
        if let Some(zone) = homes.find(|zone| !zones.contains(zone)) {
            return Err(Refusal::bad(
                "SubnetInUse",
                format!("The subnet in {zone} is in use by a cache cluster and can not be removed."),
            ));
        }
    }
    let answer = Record::new().put("CacheSubnetGroup", wanted.render(state)).into();
    state.subnet_groups.insert(name, wanted);
    Ok(answer)
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let name = input.required_id("CacheSubnetGroupName")?;
    if name == "default" {
        return Err(Refusal::invalid_value("The default cache subnet group can not be deleted."));
    }
    if !state.subnet_groups.contains_key(&name) {
        return Err(not_found(&name));
    }
    if let Some(group) = state.groups.values().find(|group| group.subnet_group == name) {
        return Err(Refusal::bad(
            "CacheSubnetGroupInUse",
            format!("Cache subnet group {name} is currently in use by a cache cluster of {}.", group.id),
        ));
    }
    state.subnet_groups.remove(&name);
    tags::forget(state, &state.settings.arn("subnetgroup", &name));
    Ok(None)
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.id("CacheSubnetGroupName");
    if let Some(name) = &name
        && !state.subnet_groups.contains_key(name)
    {
        return Err(not_found(name));
    }
    let found = state.subnet_groups.iter().filter(|(key, _)| name.as_ref().is_none_or(|name| name == *key));
    let page = paging::page(input, state.settings.page_size, found, |group| group.render(state))?;
    Ok(Record::new().put_some("Marker", page.next).list("CacheSubnetGroups", "CacheSubnetGroup", page.items).into())
}

pub(crate) fn require<'a>(state: &'a State, name: &str) -> Result<&'a SubnetGroup, Refusal> {
    state.subnet_groups.get(name).ok_or_else(|| not_found(name))
}
