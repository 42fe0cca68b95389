//! Texts that try to leave their line, from a spec and from AWS: nothing of them moves a cursor, begins a line, or is
//! more than text in Markdown.

use crate::harness::Ran;
use crate::rig::Rig;

const DESCRIPTION: &str = r#""d\n::error file=a.yaml,line=1::pwned | </td><script>x</script> ![i](http://127.0.0.1/i) @team `code` \e[2K\e[1A\e]52;c;Zm9v\a\u202Ehidden ##vso[task.complete]""#;

fn spec(description: &str) -> String {
    // ElastiCache's XML has no way to carry control characters; CloudWatch's CBOR has.
    let visible = description.replace(r"\e[2K\e[1A\e]52;c;Zm9v\a", "");
    format!(
        "apiVersion: cachectl/v1\nstack: hostile\nregion: us-east-1\n\
         subnetGroups:\n  words: {{description: {visible}, subnetIds: [subnet-private-1a]}}\n\
         alarms:\n  \"al|<b>@team\": {{description: {description}, namespace: AWS/ElastiCache, metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 0, comparisonOperator: GreaterThanThreshold}}\n"
    )
}

#[track_caller]
fn is_inert(ran: &Ran) {
    let text = ran.all();
    let unseen: Vec<char> = text.chars().filter(|c| *c != '\n' && cachectl::model::text::is_unseen(*c)).collect();
    assert!(unseen.is_empty(), "{unseen:?} in {text:?}");
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##vso["), "{line}");
    }
}

#[track_caller]
fn is_inert_markdown(ran: &Ran) {
    is_inert(ran);
    // Outside of code nothing of it is left that Markdown or HTML would take for more than text.
    let plain = outside_of_code(&ran.stdout);
    for mark in ["<script", "</td>", "![i]", "@team", "<b>"] {
        assert!(!plain.contains(mark), "{mark} in {plain}");
    }
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut lines =
        ran.stdout.lines().skip_while(|line| !line.starts_with("|")).take_while(|line| line.starts_with("|"));
    let wide = lines.next().map(columns);
    assert!(lines.all(|line| Some(columns(line)) == wide), "{}", ran.stdout);
}

/// Markdown without its code spans, each of which ends with as many backticks as it began with.
fn outside_of_code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let after = &rest[at + run..];
        let fence = &rest[at..at + run];
        let closes = |at: &usize| !after[..*at].ends_with('`') && !after[at + run..].starts_with('`');
        let end = after.match_indices(fence).map(|(at, _)| at).find(closes).expect("code ends");
        rest = &after[end + run..];
    }
    out + rest
}

fn everything(rig: &Rig, code: i32) {
    is_inert(&rig.run(&["validate"]).exits(0));
    is_inert(&rig.run(&["plan"]).exits(code));
    is_inert(&rig.run(&["plan", "-v"]).exits(code));
    is_inert(&rig.run(&["plan", "--format", "json"]).exits(code));
    is_inert(&rig.run(&["status"]).exits(0));
    is_inert_markdown(&rig.run(&["plan", "--format", "markdown"]).exits(code));
    is_inert_markdown(&rig.run(&["status", "--format", "markdown"]).exits(0));
    is_inert_markdown(&rig.run(&["validate", "--format", "markdown"]).exits(0));
}

#[test]
fn texts_of_a_spec_and_of_what_is_live_stay_texts() {
    let rig = Rig::new(&spec(DESCRIPTION));
    everything(&rig, 0);
    is_inert(&rig.apply().exits(0));
    // Now AWS tells them, beside others.
    rig.spec(&spec("plain"));
    everything(&rig, 0);
    is_inert(&rig.apply().exits(0));
    rig.spec(&spec(DESCRIPTION));
    everything(&rig, 0);
    is_inert(&rig.run(&["import", "--all", "--stack", "hostile", "--region", "us-east-1"]).exits(0));
    let json = rig.run(&["plan", "--format", "json"]).exits(0).json();
    let told = json["changes"].to_string();
    assert!(told.contains("\\u202e") || told.contains('\u{202e}'), "machines read it unharmed: {told}");
    is_inert(&rig.destroy().exits(0));
}

#[test]
fn an_id_that_cannot_be_seen_is_refused() {
    for id in [r#""\n::warning::al""#, r#""al\u202Earm""#, r#""a\eb""#] {
        let rig = Rig::new(&spec("plain").replace("\"al|<b>@team\"", id));
        let ran = rig.run(&["validate"]).exits(78).says("id-format");
        is_inert(&ran);
        is_inert(&rig.run(&["validate", "--format", "markdown"]).exits(78));
        is_inert(&rig.run(&["plan"]).exits(78));
    }
}
