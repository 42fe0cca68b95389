//! What Terraform has of ElastiCache: addresses for an import, and the `removed` blocks by which Terraform forgets
//! them. Of a state only types, names, ids, ARNs and the rules of alarms are looked at: it holds secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Refused;
use crate::model::live::Live;
use crate::model::text::inert;
use crate::model::{Address, Glob, Kind, Selection};
use crate::resource::alarm_rule::named_in;

/// `terraform show -json`, as far as an import needs it.
#[derive(Debug, Default)]
pub struct State {
    resources: Vec<Managed>,
}

/// One instance of a managed resource.
#[derive(Debug)]
struct Managed {
    /// In full: `module.cache["a"].aws_elasticache_user.this[0]`.
    address: String,
    /// Without the keys of instances, which a `removed` block does not take.
    declared: String,
    /// Of the module that it stands in, the same; empty for the root.
    module: String,
    place: Option<Place>,
    meaning: Meaning,
}

/// A region of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub region: String,
    pub account: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "account {}, {}", self.account, self.region)
    }
}

#[derive(Debug)]
enum Meaning {
    /// It becomes a resource of the spec.
    Resource(Address),
    /// The spec says it within another resource: a user's membership in a group, a node of a replication group.
    PartOf(Address),
    /// A composite alarm over these: ElastiCache's where one of them is.
    Over(Address, BTreeSet<String>),
    /// ElastiCache's, and nothing that cachectl manages: why.
    NotCovered(&'static str),
    Other,
}

impl Managed {
    fn address_here(&self) -> Option<&Address> {
        match &self.meaning {
            Meaning::Resource(address) | Meaning::PartOf(address) => Some(address),
            Meaning::Over(..) | Meaning::NotCovered(_) | Meaning::Other => None,
        }
    }
}

/// Reads what `terraform show -json` prints, of a state or of a plan.
pub fn state(text: &str) -> Result<State, Refused> {
    let how = "pipe it: terraform show -json | cachectl import --from-terraform - --stack NAME";
    // The parser's own words quote nothing of the file.
    let document: Value =
        serde_json::from_str(text).map_err(|error| Refused::new(format!("this is not JSON: {error}"), how))?;
    let root = document.pointer("/values/root_module").or_else(|| document.pointer("/prior_state/values/root_module"));
    let Some(root) = root else {
        return Err(match (document.get("lineage"), document.get("format_version")) {
            (Some(_), _) => Refused::new("this is a state file, not what `terraform show -json` prints", how),
            (None, Some(_)) => Refused::new("Terraform's state is empty", "run it where the state is"),
            (None, None) => Refused::new("this is not what `terraform show -json` prints", how),
        });
    };
    let mut state = State::default();
    state.add(root, "");
    state.take_composites();
    Ok(state)
}

impl State {
    fn add(&mut self, module: &Value, path: &str) {
        let items = |name: &str| module.get(name).and_then(Value::as_array).into_iter().flatten();
        for resource in items("resources") {
            // On one line, whatever it holds: it stands in a file of Terraform's afterwards.
            let text = |name: &str| inert(resource.get(name).and_then(Value::as_str).unwrap_or_default());
            if text("mode") != "managed" {
                continue;
            }
            let module = without_keys(&inert(path));
            let name = format!("{}.{}", text("type"), text("name"));
            let values = resource.get("values").unwrap_or(&Value::Null);
            self.resources.push(Managed {
                address: text("address").into_owned(),
                declared: if module.is_empty() { name } else { format!("{module}.{name}") },
                module,
                place: place_of(values),
                meaning: meaning(&text("type"), values),
            });
        }
        for child in items("child_modules") {
            self.add(child, child.get("address").and_then(Value::as_str).unwrap_or(path));
        }
    }

    /// A composite alarm is ElastiCache's where one of its alarms is, which can be composite itself.
    fn take_composites(&mut self) {
        loop {
            let alarms: BTreeSet<(String, Option<Place>)> = self
                .resources
                .iter()
                .filter_map(|resource| match &resource.meaning {
                    Meaning::Resource(address) if address.kind.is_alarm() => {
                        Some((address.id.clone(), resource.place.clone()))
                    }
                    _ => None,
                })
                .collect();
            let mut found = false;
            for resource in &mut self.resources {
                let Meaning::Over(address, children) = &resource.meaning else { continue };
                if children.iter().any(|name| alarms.contains(&(name.clone(), resource.place.clone()))) {
                    resource.meaning = Meaning::Resource(address.clone());
                    found = true;
                }
            }
            if !found {
                return;
            }
        }
    }

    /// The regions of what can be imported.
    pub fn regions(&self) -> BTreeSet<&str> {
        let resources = self.resources.iter().filter(|resource| matches!(resource.meaning, Meaning::Resource(_)));
        resources.filter_map(|resource| Some(resource.place.as_ref()?.region.as_str())).collect()
    }

    /// The accounts of what can be imported, where none of it is in this one.
    pub fn other_accounts(&self, account: &str) -> Option<String> {
        let resources = self.resources.iter().filter(|resource| matches!(resource.meaning, Meaning::Resource(_)));
        let places = resources.filter_map(|resource| resource.place.as_ref());
        let accounts: BTreeSet<&str> = places.map(|place| place.account.as_str()).collect();
        let others = !accounts.is_empty() && !accounts.contains(account);
        others.then(|| accounts.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// What of one place can be imported, and what to know of the rest.
    pub fn selection(&self, here: &Place) -> Result<(Selection, Vec<String>), Refused> {
        let mut notes = Vec::new();
        let mut addresses = BTreeSet::new();
        for resource in &self.resources {
            let elsewhere = resource.place.as_ref().filter(|place| *place != here);
            match &resource.meaning {
                Meaning::NotCovered(why) => notes.push(format!("{} stays with Terraform: {why}", resource.address)),
                Meaning::Resource(address) => match elsewhere {
                    Some(place) => notes.push(format!("{address} is in {place}: left out")),
                    None if address.is_aws_own() => notes.push(format!("{address} is AWS's own: left out")),
                    None if address.id.contains('*') => notes.push(format!("{address}: a name with `*` is left out")),
                    None => drop(addresses.insert(address.clone())),
                },
                Meaning::PartOf(_) | Meaning::Over(..) | Meaning::Other => {}
            }
        }
        if addresses.is_empty() {
            return Err(Refused::new(
                format!("Terraform's state has nothing of ElastiCache in {here}"),
                "another --region, or the state of another workspace?",
            ));
        }
        let globs = addresses.iter().map(|address| Glob(address.to_string())).collect();
        Ok((Selection { all: false, globs }, notes))
    }

    /// The `removed` blocks for what was imported; Terraform then forgets it, and destroys nothing.
    pub fn removed(&self, imported: &BTreeSet<Address>, here: &Place) -> String {
        let is_elsewhere = |resource: &&Managed| resource.place.as_ref().is_some_and(|place| place != here);
        // Names repeat from region to region, and what has no ARN does not say where it is.
        let elsewhere: BTreeSet<&Address> =
            self.resources.iter().filter(is_elsewhere).filter_map(Managed::address_here).collect();
        let goes = |resource: &Managed| {
            let is_here = |address: &Address| resource.place.is_some() || !elsewhere.contains(address);
            !is_elsewhere(&resource)
                && resource.address_here().is_some_and(|address| imported.contains(address) && is_here(address))
        };
        let mut by_declaration: BTreeMap<&str, Vec<&Managed>> = BTreeMap::new();
        for resource in &self.resources {
            by_declaration.entry(&resource.declared).or_default().push(resource);
        }
        let mut out = String::from(
            "# Terraform forgets the resources below and destroys none of them (1.7 or later). Remove them from the configuration,\n# then read `terraform plan`: it must say `0 to destroy`.\n",
        );
        let whole = self.whole_modules(&goes);
        let inside =
            |module: &str| whole.iter().any(|whole| module == *whole || module.starts_with(&format!("{whole}.")));
        whole.iter().for_each(|module| out.push_str(&block(module, "")));
        let mut shared: BTreeSet<&str> = BTreeSet::new();
        for (declared, instances) in &by_declaration {
            let going = instances.iter().filter(|resource| goes(resource)).count();
            if going == 0 || inside(&instances[0].module) {
                continue;
            }
            shared.insert(&instances[0].module);
            if going == instances.len() {
                out.push_str(&block(declared, ""));
                continue;
            }
            out.push_str(&format!(
                "\n# A block would forget all {} instances of {declared}, and only {going} of them {} imported. One by one:\n",
                instances.len(),
                if going == 1 { "was" } else { "were" }
            ));
            for resource in instances.iter().filter(|resource| goes(resource)) {
                out.push_str(&format!("#   terraform state rm '{}'\n", resource.address.replace('\'', r"'\''")));
            }
        }
        for module in shared.into_iter().filter(|module| !module.is_empty()) {
            out.push_str(&self.neighbours(module, &goes));
        }
        out
    }

    /// Modules of which everything goes, those within them not named again.
    fn whole_modules(&self, goes: &impl Fn(&Managed) -> bool) -> Vec<&str> {
        let mut modules: BTreeSet<&str> = BTreeSet::new();
        for resource in &self.resources {
            let mut module = resource.module.as_str();
            while !module.is_empty() {
                modules.insert(module);
                module = parent(module);
            }
        }
        let within = |resource: &Managed, module: &str| {
            resource.module == module || resource.module.starts_with(&format!("{module}."))
        };
        modules.retain(|module| self.resources.iter().filter(|resource| within(resource, module)).all(goes));
        let inner = |module: &str| !parent(module).is_empty() && modules.contains(parent(module));
        modules.iter().copied().filter(|module| !inner(module)).collect()
    }

    /// What else a module holds: it is destroyed with the module's call, unless it has a block, too.
    fn neighbours(&self, module: &str, goes: &impl Fn(&Managed) -> bool) -> String {
        let others: BTreeSet<&str> = self
            .resources
            .iter()
            .filter(|resource| resource.module == module || resource.module.starts_with(&format!("{module}.")))
            .filter(|resource| !goes(resource))
            .map(|resource| resource.declared.as_str())
            .collect();
        if others.is_empty() {
            return String::new();
        }
        let mut out = format!(
            "\n# {module} holds more. If its `module` block has to go (a module of others cannot be edited), Terraform\n# destroys this with it, unless you keep it by these blocks:\n"
        );
        others.iter().for_each(|declared| out.push_str(block(declared, "# ").trim_start_matches('\n')));
        out
    }
}

fn block(from: &str, comment: &str) -> String {
    let lines =
        ["removed {".to_owned(), format!("  from = {from}"), "  lifecycle {".into(), "    destroy = false".into()];
    let ends = ["  }".to_owned(), "}".into()];
    let lines = lines.into_iter().chain(ends).map(|line| format!("{comment}{line}\n"));
    format!("\n{}", lines.collect::<String>())
}

/// `module.a` of `module.a.module.b`
fn parent(module: &str) -> &str {
    module.rfind(".module.").map_or("", |at| &module[..at])
}

/// `module.cache["a"].module.users[0]` -> `module.cache.module.users`
fn without_keys(address: &str) -> String {
    let mut out = String::new();
    let mut rest = address.chars();
    while let Some(c) = rest.next() {
        if c != '[' {
            out.push(c);
            continue;
        }
        // A key in quotes may hold brackets, dots and escaped quotes.
        let mut quoted = false;
        while let Some(c) = rest.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => drop(rest.next()),
                ']' if !quoted => break,
                _ => {}
            }
        }
    }
    out
}

/// `arn:aws:elasticache:us-east-1:012345678901:replicationgroup:shop`
fn place_of(values: &Value) -> Option<Place> {
    let mut parts = values.get("arn")?.as_str()?.split(':').skip(3);
    let (region, account) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    (!region.is_empty() && !account.is_empty()).then_some(Place { region, account })
}

fn meaning(kind: &str, values: &Value) -> Meaning {
    let text = |name: &str| values.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let resource =
        |kind: Kind, name: &str| text(name).map_or(Meaning::Other, |id| Meaning::Resource(Address::new(kind, id)));
    let part = |kind: Kind, name: &str| text(name).map(|id| Meaning::PartOf(Address::new(kind, id)));
    match kind {
        "aws_elasticache_replication_group" => resource(Kind::ReplicationGroup, "id"),
        "aws_elasticache_serverless_cache" => resource(Kind::ServerlessCache, "id"),
        "aws_elasticache_parameter_group" => resource(Kind::ParameterGroup, "id"),
        "aws_elasticache_subnet_group" => resource(Kind::SubnetGroup, "id"),
        "aws_elasticache_user" => resource(Kind::User, "id"),
        "aws_elasticache_user_group" => resource(Kind::UserGroup, "id"),
        "aws_elasticache_user_group_association" => part(Kind::UserGroup, "user_group_id").unwrap_or(Meaning::Other),
        "aws_elasticache_cluster" => part(Kind::ReplicationGroup, "replication_group_id").unwrap_or(
            Meaning::NotCovered("cachectl does not manage single clusters (Memcached, or one node by itself)"),
        ),
        "aws_elasticache_global_replication_group" => {
            Meaning::NotCovered("cachectl reads global datastores and does not manage them")
        }
        "aws_cloudwatch_metric_alarm" if is_of_elasticache(values) => resource(Kind::Alarm, "id"),
        "aws_cloudwatch_composite_alarm" => text("id").map_or(Meaning::Other, |id| {
            let children = text("alarm_rule").map(named_in).unwrap_or_default();
            Meaning::Over(Address::new(Kind::CompositeAlarm, id), children)
        }),
        _ => Meaning::Other,
    }
}

/// Is the alarm on one of ElastiCache's metrics?
fn is_of_elasticache(values: &Value) -> bool {
    let named = |value: Option<&Value>| value.and_then(Value::as_str) == Some("AWS/ElastiCache");
    let lists = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let queries = lists(values, "metric_query");
    named(values.get("namespace"))
        || queries.iter().flat_map(|query| lists(query, "metric")).any(|metric| named(metric.get("namespace")))
}

/// The addresses that AWS has; what is only in the state any more is noted.
pub fn still_there(selection: &mut Selection, live: &Live, notes: &mut Vec<String>) {
    selection.globs.retain(|glob| {
        let there = glob.0.parse::<Address>().is_ok_and(|address| live.get(&address).is_some());
        if !there {
            notes.push(format!("{} is in Terraform's state, and AWS does not have it: left out", glob.0));
        }
        there
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_instances_are_taken_out_of_an_address_whatever_they_hold() {
        for (address, plain) in [
            ("module.cache", "module.cache"),
            ("module.cache[0]", "module.cache"),
            ("module.cache[\"a.b\"].module.users[\"x]y\"]", "module.cache.module.users"),
            ("module.c[\"quote \\\" and ]\"].module.d", "module.c.module.d"),
            ("", ""),
        ] {
            assert_eq!(without_keys(address), plain);
        }
    }

    fn place(region: &str) -> Place {
        Place { region: region.into(), account: "012345678901".into() }
    }

    #[test]
    fn what_has_the_same_name_in_another_region_stays() {
        let resource = |kind: &str, name: &str, values: Value| serde_json::json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name, "values": values});
        let group = |name: &str, region: &str| {
            let arn = format!("arn:aws:elasticache:{region}:012345678901:usergroup:app");
            resource("aws_elasticache_user_group", name, serde_json::json!({"id": "app", "arn": arn}))
        };
        let membership = serde_json::json!({"id": "app,one", "user_group_id": "app"});
        let member = resource("aws_elasticache_user_group_association", "either", membership);
        let resources = [group("here", "us-east-1"), group("there", "eu-west-1"), member];
        let state = state(&serde_json::json!({"values": {"root_module": {"resources": resources}}}).to_string());
        let state = state.expect("a state");
        let (selection, notes) = state.selection(&place("us-east-1")).expect("a selection");
        assert_eq!((selection.globs.len(), notes.len()), (1, 1), "{notes:?}");
        let removed = state.removed(&[Address::new(Kind::UserGroup, "app")].into(), &place("us-east-1"));
        let from: Vec<&str> = removed.lines().filter_map(|line| line.strip_prefix("  from = ")).collect();
        assert_eq!(from, ["aws_elasticache_user_group.here"]);
    }

    #[test]
    fn a_key_neither_ends_its_quotes_nor_its_comment() {
        let group = |index: &str, id: &str| {
            let address = format!("aws_elasticache_replication_group.all[\"{index}\"]");
            serde_json::json!({"address": address, "mode": "managed", "type": "aws_elasticache_replication_group", "name": "all", "values": {"id": id}})
        };
        let odd = "it's\nremoved { from = module.all }";
        let text =
            serde_json::json!({"values": {"root_module": {"resources": [group(odd, "one"), group("two", "two")]}}});
        let state = state(&text.to_string()).expect("a state");
        let removed = state.removed(&[Address::new(Kind::ReplicationGroup, "one")].into(), &place("us-east-1"));
        let line = removed.lines().find(|line| line.contains("state rm")).expect("a command");
        assert!(line.ends_with(r#"all["it'\''s␊removed { from = module.all }"]'"#), "{line}");
        assert!(removed.lines().all(|line| line.is_empty() || line.starts_with('#')), "{removed}");
    }

    #[test]
    fn what_is_no_output_of_terraform_show_says_what_it_is_and_quotes_nothing() {
        let message = |text: &str| state(text).expect_err("refused").message;
        assert_eq!(
            message("{\"lineage\": \"x\", \"version\": 4}"),
            "this is a state file, not what `terraform show -json` prints"
        );
        assert_eq!(message("{\"format_version\": \"1.0\"}"), "Terraform's state is empty");
        assert_eq!(message("[]"), "this is not what `terraform show -json` prints");
        let broken = message("{\"auth_token\": \"hunter2hunter2\" oops");
        assert!(broken.starts_with("this is not JSON") && !broken.contains("hunter2"), "{broken}");
    }
}
