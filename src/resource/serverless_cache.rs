//! Serverless caches. AWS takes one field in each modification, so each row is a call of its own.

use serde_json::{Value, json};

use super::kind_row::{Arn, Calls, IdForm, KindRow, Names, States};
use super::{local, user, user_group};
use crate::model::attribute::{Attribute, Difference, Impact, Phase, Read, Route};
use crate::model::draft::{Call, Draft, Scene};
use crate::model::live::{Live, View, strings};
use crate::model::shape::{Field, SNAPSHOT_ARN, Shape, integer, is_empty, list, pattern, text};
use crate::model::step::Wait;
use crate::model::version::Version;
use crate::model::{Address, Kind, Operation, Spec};

#[rustfmt::skip]
const LIMITS: Shape = Shape::Object(&[
    Field::new("dataStorage", "DataStorage", Shape::Object(&[
        Field::new("maximum", "Maximum", integer(1, 5000), "Largest amount of data."),
        Field::new("minimum", "Minimum", integer(1, 5000), "Amount that is kept ready and paid for."),
        Field::new("unit", "Unit", Shape::Enum(&["GB"]), "Always GB, and may be left out.").default("GB"),
    ]), "Stored data."),
    Field::new("ecpuPerSecond", "ECPUPerSecond", Shape::Object(&[
        Field::new("maximum", "Maximum", integer(1000, 15_000_000), "Most ElastiCache processing units a second; above it requests are throttled."),
        Field::new("minimum", "Minimum", integer(1000, 15_000_000), "Units a second that are kept ready and paid for."),
    ]), "Processing units."),
]);

/// The rows of a serverless cache, whose changes AWS takes one field a call.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("engine", "Engine", Shape::Enum(&["valkey", "redis", "memcached"]), "`valkey`, `redis` or `memcached`.").required(),
        Read::Own("Engine"), Route::With(engine), Impact::None, "redis to valkey is an upgrade in place, and valkey 7.2 goes back to redis 7.1 once its users are of redis; memcached to or from another is a replacement."),
    Attribute::new(Field::new("majorEngineVersion", "MajorEngineVersion", pattern("^[0-9]+(\\.[0-9]+)?$", 8, "8"), "Major version, as a string: \"8\"."),
        Read::Own("MajorEngineVersion"), Route::With(major_engine_version), Impact::None, "Upgrades in place; a downgrade is a replacement."),
    Attribute::new(Field::new("description", "Description", text(255), "What the cache is for."),
        Read::Own("Description"), Route::Call(Phase::Field(1)), Impact::None, "").import(local::not_blank),
    Attribute::new(Field::new("cacheUsageLimits", "CacheUsageLimits", LIMITS, "Limits on data and processing."),
        Read::Own("CacheUsageLimits"), Route::With(limits), Impact::None, "Online. Storage and processing are one field, changed in one call."),
    Attribute::new(Field::new("securityGroupIds", "SecurityGroupIds", list(&text(255), 1, 50), "VPC security groups; cannot be emptied."),
        Read::Own("SecurityGroupIds"), Route::Call(Phase::Field(3)), Impact::None, "The whole list is replaced."),
    Attribute::new(Field::new("userGroupId", "UserGroupId", Shape::Reference(Kind::UserGroup), "User group whose users may log in; `null` detaches it.").nullable(),
        Read::With(|view| view.own("UserGroupId").filter(|id| id.as_str() != Some("")).cloned()), Route::With(user_group), Impact::None, ""),
    Attribute::new(Field::new("snapshotRetentionLimit", "SnapshotRetentionLimit", integer(0, 35), "Days that automatic snapshots are kept; 0 turns them off."),
        Read::Own("SnapshotRetentionLimit"), Route::Call(Phase::Field(5)), Impact::None, "").import(super::replication_group::import::not_zero),
    Attribute::new(Field::new("dailySnapshotTime", "DailySnapshotTime", pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$", 5, "03:00"), "Time of the daily snapshot in UTC, `hh:mm`."),
        Read::Own("DailySnapshotTime"), Route::Call(Phase::Field(6)), Impact::None, "").import(super::replication_group::import::with_snapshots),
    Attribute::new(Field::new("kmsKeyId", "KmsKeyId", Shape::Text { pattern: None, min: 1, max: 2048, example: "alias/cache" }, "KMS key for encryption at rest: id, ARN or alias. An alias is not compared."),
        Read::Own("KmsKeyId"), Route::With(super::replication_group::settings::kms_key), Impact::Replace, "the key is chosen at creation").unproven(),
    Attribute::new(Field::new("subnetIds", "SubnetIds", list(&text(255), 1, 20), "Subnets of one VPC, in two or three zones."),
        Read::Own("SubnetIds"), Route::Replace, Impact::Replace, "subnets are chosen at creation"),
    Attribute::new(Field::new("networkType", "NetworkType", Shape::Enum(&["ipv4", "ipv6", "dual_stack"]), "IP versions of the endpoint."),
        Read::Own("NetworkType"), Route::Replace, Impact::Replace, "the network type is chosen at creation").import(super::replication_group::import::network),
    Attribute::new(Field::new("connectionType", "ConnectionType", Shape::Enum(&["vpc", "public"]), "`vpc`, AWS's default, or `public`: an endpoint on the internet, for IAM users only, from valkey 9 on."),
        Read::With(|view| Some(view.own("ConnectionType").cloned().unwrap_or_else(|| json!("vpc")))), Route::Replace, Impact::Replace, "the connection type is chosen at creation")
        .import(|_, value| (value != json!("vpc")).then_some(value)),
    Attribute::new(Field::new("snapshotArnsToRestore", "SnapshotArnsToRestore", list(&SNAPSHOT_ARN, 1, 500), "Snapshots that the cache is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, ""),
    local::TAGS_ROW,
    Attribute::new(Field::new("lifecycle", "", local::LIFECYCLE, "How the cache may end."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("alarms", "", local::ALARMS, "Alarms from a preset."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("smoke", "", crate::resource::smoke::SMOKE, "The smoke test of this cache; `none` leaves it out."), Read::Never, Route::Local, Impact::None, ""),
];

/// Serverless caches as a kind: caches that a final snapshot can be taken of and restored from.
pub const KIND: KindRow = KindRow {
    reads: &["elasticache:DescribeServerlessCaches"],
    states: Some(States { at_rest: "available", ready: Wait::Available }),
    state: |view| view.status(),
    facts: |view| {
        let mut facts = vec![format!("{} {}", view.word("Engine"), view.word("FullEngineVersion"))];
        facts.extend(view.text("UserGroupId").filter(|id| !id.is_empty()).map(|id| format!("users {id}")));
        facts.extend(migration(view).map(|status| format!("migration {status}")));
        facts
    },
    is_cache: true,
    is_serverless: true,
    final_snapshot: Some("FinalSnapshotName"),
    finish,
    create: |draft, creation| {
        let is_public = creation.resource.text("connectionType") == Some("public");
        if let Some(group) = creation.resource.text("userGroupId").filter(|_| is_public) {
            iam_users_only(draft, creation.spec, creation.live, group);
        }
        if let Some(snapshot) = creation.restore {
            let Live { partition, region, account_id, .. } = creation.live;
            let arn = format!("arn:{partition}:elasticache:{region}:{account_id}:serverlesssnapshot:{snapshot}");
            creation.parameters.insert("SnapshotArnsToRestore".into(), json!([arn]));
        }
    },
    ..KindRow::plain(
        Names {
            kind: "serverlessCache",
            section: "serverlessCaches",
            noun: "serverless cache",
            about: "Serverless caches, by name. A field left out is not managed.",
        },
        ATTRIBUTES,
        Arn::elasticache("serverlesscache"),
        CACHE_ID,
        Calls {
            create: Operation::CreateServerlessCache,
            modify: Operation::ModifyServerlessCache,
            delete: Operation::DeleteServerlessCache,
            id_member: "ServerlessCacheName",
        },
    )
};

/// AWS's word for a migration into the cache that is under way.
fn migration<'a>(view: &View<'a>) -> Option<&'a str> {
    let migration = view.own("Migration")?;
    Some(migration.get("Status").and_then(Value::as_str).unwrap_or("under way"))
}

/// Notes in the plan that data are being migrated into the cache.
fn finish(draft: &mut Draft, scene: &Scene<'_>) {
    if let Some(status) = migration(scene.view) {
        draft.warnings.push(("migration".into(), format!("data are being migrated into the cache ({status})")));
    }
}

/// Blocks every change and deletion of a serverless cache that data are being migrated into.
pub fn keeps(draft: &mut Draft, view: &View<'_>) {
    let status = migration(view).filter(|_| draft.address.kind.is_serverless());
    let Some(status) = status else { return };
    let name = &draft.address.id;
    let hint = format!(
        "complete or stop it first: aws elasticache complete-migration (or stop-migration) --serverless-cache-name {name}"
    );
    draft.blocks("migration", format!("data are being migrated into it ({status})"), hint);
}

/// The form of the ids of caches.
pub const CACHE_ID: IdForm = IdForm {
    pattern: "^[a-zA-Z](-?[a-zA-Z0-9])*$",
    longest: 40,
    words: "1 to 40 letters, digits and single hyphens, beginning with a letter and not ending in a hyphen",
    of_aws: None,
};

fn modify(draft: &mut Draft, field: u8) -> &mut Call {
    draft.call(Phase::Field(field), Operation::ModifyServerlessCache, Wait::Available)
}

fn engine(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    match (difference.live.as_ref().and_then(Value::as_str), difference.declared.as_str()) {
        (Some("redis"), Some("valkey")) => {
            draft.shows(difference);
            let version = scene.declared("majorEngineVersion").cloned();
            let call = modify(draft, 0);
            call.insert("Engine".into(), json!("valkey"));
            if let Some(version) = version {
                call.insert("MajorEngineVersion".into(), version);
            }
        }
        (Some("valkey"), Some("redis")) => {
            draft.shows(difference);
            back_to_redis(draft, scene);
        }
        _ => draft.replaces(difference, "there is no way between memcached and the other engines"),
    }
}

/// From valkey 7.2 to redis 7.1, once the users are of redis; AWS documents no other way back.
fn back_to_redis(draft: &mut Draft, scene: &Scene<'_>) {
    if scene.view.text("MajorEngineVersion") != Some("7") {
        draft.blocks(
            "engine-downgrade",
            "AWS goes back to redis from valkey 7.2 only, and a replacement would lose the data",
            "keep `engine: valkey`, which speaks the same protocol",
        );
        return;
    }
    let declared: Vec<&str> = scene.declared_text("userGroupId").into_iter().collect();
    let live: Vec<&str> = scene.view.text("UserGroupId").filter(|id| !id.is_empty()).into_iter().collect();
    let odd = user_group::of_valkey(scene, &declared, &live);
    if !odd.is_empty() {
        draft.blocks(
            "user-group-engine",
            format!("{} would stay of engine valkey, and a redis cache takes users of redis only", odd.join(", ")),
            "declare `engine: redis` for them in this spec, and the cache's userGroupId",
        );
        return;
    }
    let version = scene.declared("majorEngineVersion").cloned();
    let call = modify(draft, 0);
    call.insert("Engine".into(), json!("redis"));
    if let Some(version) = version {
        call.insert("MajorEngineVersion".into(), version);
    }
}

fn major_engine_version(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if scene.differs("engine") {
        draft.shows(difference);
        return;
    }
    let number = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .and_then(|text| Version::parse(&format!("{text}.0")).or_else(|| Version::parse(text)))
    };
    let (declared, live) = (number(Some(&difference.declared)), number(difference.live.as_ref()));
    if declared.zip(live).is_some_and(|(declared, live)| (declared.major, declared.minor) < (live.major, live.minor)) {
        draft.replaces(difference, "AWS refuses an engine downgrade");
        return;
    }
    draft.shows(difference);
    let engine = scene.wanted("engine");
    let call = modify(draft, 0);
    call.insert("MajorEngineVersion".into(), difference.declared.clone());
    if let Some(engine) = engine {
        call.insert("Engine".into(), engine);
    }
}

fn limits(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if is_empty(&difference.declared) {
        draft.blocks(
            "sl-limit-removal",
            "AWS cannot remove a limit once it is set",
            "raise the limits instead, or leave cacheUsageLimits out",
        );
        return;
    }
    // Storage and processing are one field: what is not declared is sent as it is.
    let mut limits = difference.live.clone().unwrap_or_else(|| json!({}));
    for (half, values) in difference.declared.as_object().into_iter().flatten() {
        for (name, value) in values.as_object().into_iter().flatten() {
            limits[half][name] = value.clone();
        }
    }
    let value = LIMITS.to_api(&limits);
    modify(draft, 2).insert("CacheUsageLimits".into(), value);
}

/// The rule that says who may be let in from the internet.
const PUBLIC: &str = "public-endpoint";

/// AWS lets IAM users alone in from the internet. The users of a group that the spec does not have are read for this.
fn iam_users_only(draft: &mut Draft, spec: &Spec, live: &Live, group: &str) {
    let address = Address::new(Kind::UserGroup, group);
    if address.is_aws_own() {
        return;
    }
    let members = match spec.resources.get(&address) {
        Some(declared) => declared.fields.get("userIds"),
        None => live.get(&address).and_then(|own| own.get("UserIds")),
    };
    let users: Vec<Address> = strings(members).map(|id| Address::new(Kind::User, id)).collect();
    if let Some(user) = users.iter().find(|user| user::logs_in_by_iam(spec, live, user) == Some(false)) {
        draft.blocks(
            PUBLIC,
            format!(
                "{user} of the user group {group} does not log in by IAM, and a public endpoint takes IAM users only"
            ),
            "name `default.iam-user-group`, or a group of IAM users",
        );
    } else if let Some(user) = users.iter().find(|user| user::logs_in_by_iam(spec, live, user).is_none()) {
        draft.warnings.push((
            "userGroupId".into(),
            format!("how {user} logs in is not known: a public endpoint takes IAM users only"),
        ));
    }
}

fn user_group(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if scene.view.text("ConnectionType") == Some("public") {
        match difference.declared.as_str() {
            Some(group) => iam_users_only(draft, scene.spec, scene.live, group),
            None => draft.blocks(
                PUBLIC,
                "a public endpoint needs a user group",
                "keep `userGroupId`: `default.iam-user-group`, or a group of IAM users",
            ),
        }
    }
    let used = scene.view.text("UserGroupId").map(|id| Address::new(Kind::UserGroup, id));
    modify(draft, 4).lets_go.extend(used);
    if difference.declared.is_null() {
        modify(draft, 4).insert("RemoveUserGroup".into(), json!(true));
    } else {
        modify(draft, 4).insert("UserGroupId".into(), difference.declared.clone());
    }
}
