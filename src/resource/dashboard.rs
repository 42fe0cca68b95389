//! Dashboards: one of a cache, written out for the nodes that it has. A cache asks for it by `dashboard: recommended`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::alarm::{self, NAMESPACE};
use super::alarm_preset::host_dimension;
use super::alarm_whole::plain_description;
use super::companion::{self, Companion};
use super::kind_row::{Arn, Calls, IdForm, KindRow, Names, TagCalls};
use super::members;
use crate::model::attribute::{Attribute, Difference, Impact, Phase, Read, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, object};
use crate::model::plan::AttributeChange;
use crate::model::shape::{Field, Keys, Shape};
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation};

/// The member that holds what is shown, as JSON.
pub const BODY: &str = "DashboardBody";

/// CloudWatch shows this many metrics in a dashboard.
const MOST_METRICS: usize = 2_500;

/// The rows of a dashboard: its body, which cachectl writes.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("body", BODY, Shape::Map { of: &Shape::Scalar, keys: Keys::Any },
        "What is shown, widget by widget. Written by cachectl for the nodes that the cache has, and compared as JSON: formatting and the order of keys make no difference."),
        Read::Own(BODY), Route::With(change), Impact::None, ""),
];

/// Dashboards as a kind: one of a cache that asks for it, the same in every region of an account.
#[rustfmt::skip]
pub const KIND: KindRow = KindRow {
    reads: &["cloudwatch:GetDashboard", "cloudwatch:ListDashboards"],
    tags: TagCalls::CLOUDWATCH,
    keeps_letter_case: true,
    stack_noted: Some(stack_of),
    companion: Some(Companion {
        asked: Attribute::new(
            Field::new("dashboard", "", companion::WORDS, "A CloudWatch dashboard of the cache, which follows its nodes: `recommended`, or `none`, which deletes it."),
            Read::Never, Route::Local, Impact::None, "",
        ),
        address_of,
        body: "body",
        member: BODY,
        written: body,
        shows_the_same,
        changes: by_widget,
    }),
    deletes_many: Some("DashboardNames"),
    facts: |view| vec![format!("{} widgets", widgets(view.own(BODY)).count())],
    ..KindRow::plain(
        Names {
            kind: "dashboard",
            section: "dashboards",
            noun: "dashboard",
            about: "CloudWatch dashboards of caches: hit rate, memory, CPU, evictions, connections, lag, latency and network, node by node.",
        },
        ATTRIBUTES,
        // Dashboards are global: the same in every region of an account.
        Arn { service: "cloudwatch", resource: "dashboard", separator: '/', regional: false },
        IdForm {
            pattern: "^[A-Za-z0-9_-]+$",
            longest: 255,
            words: "1 to 255 letters, digits, hyphens and underscores",
            of_aws: None,
        },
        Calls {
            create: Operation::PutDashboard,
            modify: Operation::PutDashboard,
            delete: Operation::DeleteDashboards,
            id_member: "DashboardName",
        },
    )
};

/// The dashboard of a cache. Its name has the region, since an account has one dashboard of a name in all its regions.
fn address_of(cache: &Address, region: &str) -> Address {
    // No id of a cache has an underscore: a group of any name is told apart.
    let kind = if cache.kind.is_serverless() { "_serverless" } else { "" };
    Address::new(Kind::Dashboard, &format!("{}{kind}-{region}", cache.id))
}

/// The stack that a dashboard says it is of, in one of its texts.
fn stack_of(dashboard: &Value) -> Option<&str> {
    let text = |widget: &'_ Value| widget.get("type").and_then(Value::as_str) == Some("text");
    let texts = widgets(dashboard.get(BODY)).filter(|widget| text(widget));
    let markdown = texts.filter_map(|widget| widget.pointer("/properties/markdown")?.as_str());
    markdown.into_iter().find_map(|text| text.trim_end().rsplit_once("[cachectl:stack=")?.1.strip_suffix(']'))
}

/// Do two bodies show the same, whichever stacks they say they are of?
fn shows_the_same(one: &Value, other: &Value) -> bool {
    fn plain(body: &Value) -> Value {
        let mut body = body.clone();
        for widget in body.get_mut("widgets").and_then(Value::as_array_mut).into_iter().flatten() {
            let markdown = widget.pointer_mut("/properties/markdown");
            if let Some(Value::String(text)) = markdown {
                *text = plain_description(text);
            }
        }
        body
    }
    plain(one) == plain(other)
}

fn widgets(body: Option<&Value>) -> impl Iterator<Item = &Value> {
    body.and_then(|body| body.get("widgets")?.as_array()).into_iter().flatten()
}

/// One chart: what it shows of each node.
struct Chart {
    title: &'static str,
    /// By the metric's name: what is put behind the node's name, where the chart has several.
    metrics: &'static [(&'static str, &'static str)],
    statistic: &'static str,
    period: u32,
    /// The axis goes from 0 to this.
    top: Option<u32>,
    /// A line across, and what it means.
    line: Option<(f64, &'static str)>,
}

const fn chart(
    title: &'static str,
    metrics: &'static [(&'static str, &'static str)],
    statistic: &'static str,
) -> Chart {
    Chart { title, metrics, statistic, period: 60, top: None, line: None }
}

const HIT_RATE: Chart = Chart {
    period: 300,
    top: Some(100),
    line: Some((90.0, "nine of ten reads hit")),
    ..chart("Hit rate (%)", &[("CacheHitRate", "")], "Average")
};
const EVICTIONS: Chart = chart("Evictions (keys a minute)", &[("Evictions", "")], "Sum");
const CONNECTIONS: Chart = chart("Connections", &[("CurrConnections", "")], "Average");
const LATENCY: Chart = Chart {
    line: Some((5_000.0, "5 ms")),
    ..chart(
        "Latency in the engine (µs)",
        &[("SuccessfulReadRequestLatency", " reads"), ("SuccessfulWriteRequestLatency", " writes")],
        "Average",
    )
};

const OF_NODES: [Chart; 9] = [
    HIT_RATE,
    Chart {
        top: Some(100),
        line: Some((80.0, "scale up, or evict")),
        ..chart("Memory (%)", &[("DatabaseMemoryUsagePercentage", "")], "Average")
    },
    Chart {
        top: Some(100),
        line: Some((90.0, "the main thread is full")),
        ..chart("Engine CPU (%)", &[("EngineCPUUtilization", "")], "Average")
    },
    Chart { top: Some(100), ..chart("CPU of the node (%)", &[("CPUUtilization", "")], "Average") },
    EVICTIONS,
    Chart { line: Some((52_000.0, "80 % of what a node takes")), ..CONNECTIONS },
    Chart {
        line: Some((1.0, "a second behind")),
        ..chart("Replication lag (s)", &[("ReplicationLag", "")], "Average")
    },
    LATENCY,
    chart("Network (bytes a minute)", &[("NetworkBytesIn", " in"), ("NetworkBytesOut", " out")], "Sum"),
];

const OF_SERVERLESS: [Chart; 8] = [
    HIT_RATE,
    chart("Data (bytes)", &[("BytesUsedForCache", "")], "Maximum"),
    chart("Processing units (ECPU a minute)", &[("ElastiCacheProcessingUnits", "")], "Sum"),
    chart("Throttled commands", &[("ThrottledCmds", "")], "Sum"),
    EVICTIONS,
    CONNECTIONS,
    LATENCY,
    chart("Network (bytes a minute)", &[("NetworkBytesIn", " in"), ("NetworkBytesOut", " out")], "Sum"),
];

impl Chart {
    /// At this place of the dashboard, for these nodes.
    fn widget(&self, place: usize, cache: &Address, nodes: &[String], region: &str) -> Value {
        let dimension = if cache.kind.is_serverless() { "clusterId" } else { "CacheClusterId" };
        let rows = nodes.iter().flat_map(|node| {
            self.metrics.iter().map(move |(metric, what)| {
                let mut row = vec![json!(NAMESPACE), json!(metric), json!(dimension), json!(node)];
                if let Some((name, value)) = host_dimension(metric).filter(|_| !cache.kind.is_serverless()) {
                    row.extend([json!(name), json!(value)]);
                }
                row.push(json!({"label": format!("{node}{what}")}));
                Value::Array(row)
            })
        });
        let mut properties = object([
            ("title", json!(self.title)),
            ("region", json!(region)),
            ("view", json!("timeSeries")),
            ("stat", json!(self.statistic)),
            ("period", json!(self.period)),
            ("metrics", rows.collect()),
            ("yAxis", json!({"left": {"min": 0}})),
        ]);
        if let Some(top) = self.top {
            properties["yAxis"]["left"]["max"] = json!(top);
        }
        if let Some((value, label)) = self.line {
            properties.insert("annotations".into(), json!({"horizontal": [{"label": label, "value": value}]}));
        }
        let (x, y) = (place % 2 * 12, 2 + place / 2 * 6);
        json!({"type": "metric", "x": x, "y": y, "width": 12, "height": 6, "properties": properties})
    }
}

/// What the dashboard of a cache shows, for the nodes that there are.
fn body(stack: &str, live: &Live, cache: &Address) -> Value {
    let region = &live.region;
    // A serverless cache is its one node, also before it is there.
    let nodes = match cache.kind {
        Kind::ServerlessCache => vec![cache.id.clone()],
        _ => members::nodes(live, cache, "node"),
    };
    let charts: &[Chart] = if cache.kind.is_serverless() { &OF_SERVERLESS } else { &OF_NODES };
    let per_node: usize = charts.iter().map(|chart| chart.metrics.len()).sum();
    let groups = live.view(cache).map_or(&[][..], |view| view.node_groups());
    let shown = shown(&nodes, groups, MOST_METRICS / per_node);
    let left_out = if shown.len() < nodes.len() {
        let (shown, nodes) = (shown.len(), nodes.len());
        format!(" CloudWatch shows {MOST_METRICS} metrics in a dashboard: these are {shown} of {nodes} nodes.")
    } else {
        String::new()
    };
    let text = format!(
        "# {}\n{cache} in {region}.{left_out} Written by cachectl from its spec: what is changed here is lost with the next apply. {}",
        cache.id,
        alarm::suffix(stack)
    );
    let head = json!({"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": text}});
    // Without a replica nothing lags.
    let has_replicas = nodes.len() > groups.len().max(1);
    let charts = charts.iter().filter(|chart| has_replicas || chart.metrics[0].0 != "ReplicationLag");
    let charts = charts.enumerate().map(|(place, chart)| chart.widget(place, cache, &shown, region));
    json!({"widgets": std::iter::once(head).chain(charts).collect::<Vec<_>>()})
}

/// As many nodes as fit: all of them, else the first of each shard.
fn shown(nodes: &[String], groups: &[Value], most: usize) -> Vec<String> {
    if nodes.len() <= most {
        return nodes.to_vec();
    }
    let first = |group: &Value| {
        let members = group.get("NodeGroupMembers")?.as_array()?.iter();
        members.filter_map(|member| member.get("CacheClusterId")?.as_str()).min().map(str::to_owned)
    };
    groups.iter().filter_map(first).take(most).collect()
}

/// What changes is shown by [`by_widget`], once it is known for which nodes.
fn change(draft: &mut Draft, _: &Scene<'_>, difference: &Difference) {
    draft
        .call(Phase::Alarms, Operation::PutDashboard, Wait::Nothing)
        .insert(BODY.to_owned(), difference.declared.clone());
}

/// Two bodies, widget by widget: what comes, goes and changes.
fn by_widget(before: Option<&Value>, after: &Value) -> Vec<AttributeChange> {
    let (mut before_widgets, after_widgets) = (named(before), named(Some(after)));
    let order = |widgets: &[(String, &Value)]| widgets.iter().map(|(name, _)| json!(name)).collect::<Value>();
    let (order_before, order_after) = (order(&before_widgets), order(&after_widgets));
    let shown = |path: String, before: Value, after: Value| AttributeChange {
        path,
        before,
        after,
        impact: Impact::None,
        sensitive: false,
    };
    let mut changes = Vec::new();
    for (name, widget) in after_widgets {
        let at = before_widgets.iter().position(|(earlier, _)| *earlier == name);
        let earlier = at.map_or(&Value::Null, |at| before_widgets.remove(at).1);
        if earlier != widget {
            changes.push(shown(format!("body.{name}"), earlier.clone(), widget.clone()));
        }
    }
    let gone = before_widgets.into_iter();
    changes.extend(gone.map(|(name, widget)| shown(format!("body.{name}"), widget.clone(), Value::Null)));
    // What is no widget: the time that is shown, variables.
    let rest = |body: Option<&Value>| {
        let mut rest = body.and_then(Value::as_object).cloned().unwrap_or_default();
        rest.shift_remove("widgets");
        if rest.is_empty() {
            body.filter(|body| !body.is_object()).cloned().unwrap_or(Value::Null)
        } else {
            rest.into()
        }
    };
    let (before_rest, after_rest) = (rest(before), rest(Some(after)));
    if before_rest != after_rest {
        changes.push(shown("body".into(), before_rest, after_rest));
    }
    if changes.is_empty() {
        changes.push(shown("body.widgets".into(), order_before, order_after));
    }
    changes
}

/// The widgets of a body by their titles, of which the second of one name is `NAME #2`.
fn named(body: Option<&Value>) -> Vec<(String, &Value)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let with_name = |widget| {
        let title = Value::pointer(widget, "/properties/title").and_then(Value::as_str);
        let title = title.or_else(|| widget.get("type")?.as_str()).unwrap_or("widget");
        let count = seen.entry(title).and_modify(|count| *count += 1).or_insert(1);
        (if *count == 1 { title.to_owned() } else { format!("{title} #{count}") }, widget)
    };
    widgets(body).map(with_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_is_its_stacks_by_the_note_in_a_text_and_by_nothing_else() {
        let of = |kind: &str, text: &str| json!({"DashboardBody": {"widgets": [{"type": kind, "properties": {"markdown": text, "title": text}}]}});
        assert_eq!(stack_of(&of("text", "# orders\n[cachectl:stack=prod]")), Some("prod"));
        assert_eq!(stack_of(&of("text", "[cachectl:stack=prod] is whose it was")), None);
        assert_eq!(stack_of(&of("metric", "[cachectl:stack=prod]")), None);
        assert_eq!(stack_of(&json!({"DashboardBody": "no JSON [cachectl:stack=prod]"})), None);
    }

    #[test]
    fn of_more_nodes_than_a_dashboard_takes_the_first_of_each_shard_are_shown() {
        let nodes: Vec<String> =
            (1..=150).flat_map(|shard| (1..=2).map(move |node| format!("c-{shard:04}-{node:03}"))).collect();
        let group = |members: &[String]| json!({"NodeGroupMembers": members.iter().map(|id| json!({"CacheClusterId": id})).collect::<Vec<_>>()});
        let mut groups: Vec<Value> = nodes.chunks(2).map(group).collect();
        assert_eq!(shown(&nodes, &groups, 227).len(), 150);
        assert_eq!(shown(&nodes, &groups, 300).len(), 300);
        assert_eq!(shown(&nodes, &groups, 100).len(), 100);
        // After failovers and fewer replicas, the first node of a shard can have any number.
        groups[0] = group(&["c-0001-002".to_owned()]);
        assert_eq!(shown(&nodes[1..], &groups, 227)[0], "c-0001-002");
    }

    #[test]
    fn what_changes_is_shown_widget_by_widget() {
        let body = |title: &str, stat: &str| json!({"widgets": [{"type": "metric", "properties": {"title": title, "stat": stat}}]});
        let paths = |before: Option<&Value>, after: &Value| -> Vec<String> {
            by_widget(before, after).into_iter().map(|change| change.path).collect()
        };
        assert_eq!(paths(None, &body("CPU", "Sum")), ["body.CPU"]);
        assert_eq!(paths(Some(&body("CPU", "Average")), &body("CPU", "Sum")), ["body.CPU"]);
        assert_eq!(paths(Some(&body("Mine", "Sum")), &body("CPU", "Sum")), ["body.CPU", "body.Mine"]);
        assert_eq!(
            paths(Some(&json!({"start": "-PT3H", "widgets": body("CPU", "Sum")["widgets"]})), &body("CPU", "Sum")),
            ["body"]
        );
        assert_eq!(paths(Some(&json!("text")), &body("CPU", "Sum")), ["body.CPU", "body"]);
        // Titles can be anything, and none is lost.
        let of = |titles: &[&str]| json!({"widgets": titles.iter().map(|title| json!({"type": "metric", "properties": {"title": title}})).collect::<Vec<_>>()});
        let three = of(&["A #1", "A #1", "A #2"]);
        assert_eq!(paths(Some(&three), &of(&[])), ["body.A #1", "body.A #1 #2", "body.A #2"]);
        let reordered = by_widget(Some(&of(&["A", "B"])), &of(&["B", "A"]));
        assert_eq!(
            (&*reordered[0].path, &reordered[0].before, &reordered[0].after),
            ("body.widgets", &json!(["A", "B"]), &json!(["B", "A"]))
        );
    }
}
