//! What a dashboard's body has to be (CloudWatch guide, dashboard body structure and syntax).

use serde_json::{Map, Value, json};

const TYPES: [&str; 6] = ["metric", "text", "log", "alarm", "explorer", "custom"];
/// The grid is 24 wide.
const WIDTH: i64 = 24;
const WIDGETS: usize = 500;
const METRICS_PER_WIDGET: usize = 500;
/// Quota of a dashboard, all widgets together.
const METRICS: usize = 2_500;
const AXES: [&str; 2] = ["left", "right"];

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub path: String,
    pub message: String,
}

fn fault(path: &str, message: impl Into<String>) -> Fault {
    Fault { path: path.to_owned(), message: message.into() }
}

/// The message of the refusal, in the form that AWS gives it.
pub(super) fn told(faults: &[Fault]) -> String {
    let listed: Vec<Value> =
        faults.iter().map(|fault| json!({"dataPath": fault.path, "message": fault.message})).collect();
    let count = faults.len();
    let listed = serde_json::to_string_pretty(&listed).unwrap_or_default();
    format!("The dashboard body is invalid, there are {count} validation errors:\n{listed}")
}

pub(super) fn check(body: &str) -> Vec<Fault> {
    let body: Value = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(error) => return vec![fault("", format!("The field DashboardBody must be a valid JSON object: {error}"))],
    };
    let Some(widgets) = body.get("widgets") else { return vec![fault("", "Should have required property 'widgets'")] };
    let Some(widgets) = widgets.as_array() else { return vec![fault("/widgets", "Should be array")] };
    if widgets.len() > WIDGETS {
        return vec![fault("/widgets", format!("Should NOT have more than {WIDGETS} items"))];
    }
    let mut faults = Vec::new();
    let rows = |widget: &Value| widget.pointer("/properties/metrics").and_then(Value::as_array).map_or(0, Vec::len);
    let metrics: usize = widgets.iter().map(rows).sum();
    if metrics > METRICS {
        faults
            .push(fault("/widgets", format!("Should NOT have more than {METRICS} metrics in all, and has {metrics}")));
    }
    if let Some(period) = body.get("periodOverride").filter(|period| **period != "auto" && **period != "inherit") {
        faults.push(fault("/periodOverride", format!("Should be equal to one of auto, inherit, not {period}")));
    }
    for (index, widget) in widgets.iter().enumerate() {
        let path = format!("/widgets/{index}");
        match widget.as_object() {
            Some(widget) => check_widget(&path, widget, &mut faults),
            None => faults.push(fault(&path, "Should be object")),
        }
    }
    faults
}

fn check_widget(path: &str, widget: &Map<String, Value>, faults: &mut Vec<Fault>) {
    place(path, widget, faults);
    let kind = widget.get("type").and_then(Value::as_str);
    let properties = widget.get("properties").and_then(Value::as_object);
    if !widget.contains_key("type") {
        faults.push(fault(path, "Should have required property 'type'"));
    } else if kind.is_none_or(|kind| !TYPES.contains(&kind)) {
        faults.push(fault(&format!("{path}/type"), format!("Should be equal to one of the allowed values: {TYPES:?}")));
    }
    let Some(properties) = properties else {
        return faults.push(fault(path, "Should have required property 'properties'"));
    };
    let path = format!("{path}/properties");
    match kind {
        Some("metric") => metric(&path, properties, faults),
        Some("text") if properties.get("markdown").and_then(Value::as_str).is_none() => {
            faults.push(fault(&path, "Should have required property 'markdown'"));
        }
        Some("log") if !properties.contains_key("query") => {
            faults.push(fault(&path, "Should have required property 'query'"));
        }
        Some("alarm") => match properties.get("alarms").and_then(Value::as_array).map(Vec::len) {
            Some(1..=100) => {}
            Some(_) => faults.push(fault(&format!("{path}/alarms"), "Should have 1 to 100 items")),
            None => faults.push(fault(&path, "Should have required property 'alarms'")),
        },
        _ => {}
    }
}

fn place(path: &str, widget: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let mut number = |name: &str, range: std::ops::RangeInclusive<i64>, default: i64| match widget.get(name) {
        None => default,
        Some(value) => match value.as_i64().filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let text = format!("Should be a whole number from {} to {}", range.start(), range.end());
                faults.push(fault(&format!("{path}/{name}"), text));
                default
            }
        },
    };
    let (x, width) = (number("x", 0..=WIDTH - 1, 0), number("width", 1..=WIDTH, 6));
    number("y", 0..=i64::from(i32::MAX), 0);
    number("height", 1..=1_000, 6);
    if x + width > WIDTH {
        faults.push(fault(path, format!("x and width together should be at most {WIDTH}")));
    }
}

fn metric(path: &str, properties: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let alarms = properties.get("annotations").and_then(|annotations| annotations.get("alarms"));
    match properties.get("metrics") {
        None if alarms.is_none() => faults.push(fault(path, "Should have required property 'metrics'")),
        None => {}
        Some(Value::Array(metrics)) if metrics.len() > METRICS_PER_WIDGET => {
            faults.push(fault(
                &format!("{path}/metrics"),
                format!("Should NOT have more than {METRICS_PER_WIDGET} items"),
            ));
        }
        Some(Value::Array(metrics)) => {
            let is_legal = |row: &Value| row.as_array().is_some_and(|row| legal_row(row));
            for (index, _) in metrics.iter().enumerate().filter(|(_, row)| !is_legal(row)) {
                faults.push(fault(&format!("{path}/metrics/{index}"), "Invalid metric field or expression"));
            }
        }
        Some(_) => faults.push(fault(&format!("{path}/metrics"), "Should be array")),
    }
    if properties.get("region").and_then(Value::as_str).is_none() && properties.contains_key("metrics") {
        faults.push(fault(path, "Should have required property 'region'"));
    }
    let view = properties.get("view").map(|view| view.as_str().unwrap_or_default());
    const VIEWS: [&str; 6] = ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"];
    if let Some(view) = view.filter(|view| !VIEWS.contains(view)) {
        faults.push(fault(
            &format!("{path}/view"),
            format!("Should be equal to one of the allowed values: {VIEWS:?}, not {view}"),
        ));
    }
    for axis in AXES {
        for end in ["min", "max"] {
            let value = properties.get("yAxis").and_then(|axes| axes.get(axis)?.get(end));
            if value.is_some_and(|value| !value.is_number()) {
                faults.push(fault(&format!("{path}/yAxis/{axis}/{end}"), "Should be number"));
            }
        }
    }
    let lines = properties.get("annotations").and_then(|annotations| annotations.get("horizontal")?.as_array());
    for (index, line) in lines.into_iter().flatten().enumerate() {
        // A band has two values.
        let ends = line.as_array().map_or(std::slice::from_ref(line), Vec::as_slice);
        if ends.is_empty() || ends.iter().any(|end| !end.get("value").is_some_and(Value::is_number)) {
            let place = format!("{path}/annotations/horizontal/{index}");
            faults.push(fault(&place, "Should have required property 'value'"));
        }
    }
    if let Some(period) = properties.get("period") {
        let is_legal =
            period.as_i64().is_some_and(|period| matches!(period, 1 | 5 | 10 | 30) || period > 0 && period % 60 == 0);
        if !is_legal {
            faults.push(fault(&format!("{path}/period"), "Should be 1, 5, 10, 30 or a multiple of 60"));
        }
    }
}

/// Namespace, name, then dimensions by name and value, and perhaps rendering properties; or an expression alone.
fn legal_row(row: &[Value]) -> bool {
    match row {
        [Value::Object(only)] => only.contains_key("expression"),
        [texts @ .., Value::Object(_)] => legal_texts(texts),
        texts => legal_texts(texts),
    }
}

fn legal_texts(texts: &[Value]) -> bool {
    texts.len() >= 2 && texts.len().is_multiple_of(2) && texts.iter().all(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(body: &str) -> Vec<String> {
        check(body).into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn a_legal_body_has_no_faults() {
        let body = r#"{"widgets": [
            {"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"region": "us-east-1", "view": "timeSeries",
                "period": 300, "metrics": [["AWS/ElastiCache", "Evictions", "CacheClusterId", "a-001", {"stat": "Sum"}],
                    [{"expression": "m1 / 2", "id": "e1"}], ["...", "a-002"]]}},
            {"type": "metric", "properties": {"annotations": {"alarms": ["arn:aws:cloudwatch:us-east-1:1:alarm:a"]}}},
            {"type": "text", "properties": {"markdown": "Orders"}},
            {"type": "alarm", "properties": {"alarms": ["arn:aws:cloudwatch:us-east-1:1:alarm:a"]}}]}"#;
        assert_eq!(paths(body), Vec::<String>::new());
    }

    #[test]
    fn a_dashboard_takes_2500_metrics_however_they_are_spread() {
        let rows = vec![json!(["AWS/ElastiCache", "Evictions", "CacheClusterId", "a-001"]); 500];
        let widget = json!({"type": "metric", "properties": {"region": "us-east-1", "metrics": rows}});
        assert_eq!(paths(&json!({"widgets": vec![widget.clone(); 5]}).to_string()), Vec::<String>::new());
        assert_eq!(paths(&json!({"widgets": vec![widget; 6]}).to_string()), ["/widgets"]);
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (body, path) in [
            ("{", ""),
            ("{}", ""),
            (r#"{"widgets": {}}"#, "/widgets"),
            (r#"{"widgets": [{"properties": {}}]}"#, "/widgets/0"),
            (r#"{"widgets": [{"type": "chart", "properties": {}}]}"#, "/widgets/0/type"),
            (r#"{"widgets": [{"type": "text"}]}"#, "/widgets/0"),
            (r#"{"widgets": [{"type": "text", "properties": {}}]}"#, "/widgets/0/properties"),
            (r#"{"widgets": [{"type": "text", "x": 24, "properties": {"markdown": ""}}]}"#, "/widgets/0/x"),
            (r#"{"widgets": [{"type": "text", "x": 20, "width": 6, "properties": {"markdown": ""}}]}"#, "/widgets/0"),
            (
                r#"{"widgets": [{"type": "metric", "properties": {"region": "r", "metrics": [["AWS/ElastiCache"]]}}]}"#,
                "/widgets/0/properties/metrics/0",
            ),
            (r#"{"widgets": [{"type": "metric", "properties": {"metrics": []}}]}"#, "/widgets/0/properties"),
            (
                r#"{"widgets": [{"type": "metric", "properties": {"region": "r", "metrics": [], "yAxis": {"left": {"max": "100"}}}}]}"#,
                "/widgets/0/properties/yAxis/left/max",
            ),
            (
                r#"{"widgets": [{"type": "metric", "properties": {"region": "r", "metrics": [], "annotations": {"horizontal": [{"label": "a"}]}}}]}"#,
                "/widgets/0/properties/annotations/horizontal/0",
            ),
            (r#"{"periodOverride": "never", "widgets": []}"#, "/periodOverride"),
        ] {
            assert_eq!(paths(body), [path], "{body}");
        }
        assert!(told(&check("{}")).starts_with("The dashboard body is invalid, there are 1 validation errors:"));
    }
}
