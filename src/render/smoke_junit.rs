//! A smoke report as a JUnit suite: a case a check, and one a requirement.

use super::junit::{Case, Outcome, Suite};
use crate::smoke::{Check, Gate, Report, Verdict};

/// `fails`: the report as a whole counts as a failure, so what is undecided or not tested does, too.
pub fn suite(report: &Report, fails: bool) -> Suite {
    let checks = report.checks.iter().map(|check| of_check(check, fails && report.checks.len() == 1));
    let gates = report.gates.iter().map(|gate| of_gate(gate, fails));
    Suite { name: report.address.clone(), seconds: report.seconds, cases: checks.chain(gates).collect() }
}

fn of_check(check: &Check, fails: bool) -> Case {
    let outcome = match check.status {
        Verdict::Failed => Outcome::Failed("failed".to_owned()),
        Verdict::NotTested | Verdict::Undecided if fails => Outcome::Failed(check.status.word().to_owned()),
        Verdict::NotTested | Verdict::Undecided => Outcome::Skipped,
        Verdict::Passed | Verdict::Warned => Outcome::Passed,
    };
    let hint = check.hint.as_ref().map_or(String::new(), |hint| format!(" (hint: {hint})"));
    let warned = if check.status == Verdict::Warned { "warned: " } else { "" };
    Case { name: check.name.clone(), seconds: check.seconds, outcome, text: format!("{warned}{}{hint}", check.detail) }
}

fn of_gate(gate: &Gate, fails: bool) -> Case {
    let measured = gate.measured.map_or_else(|| "nothing".to_owned(), |value| format!("{value:.3}"));
    let (outcome, why) = match (gate.passed, &gate.undecided) {
        (true, _) => (Outcome::Passed, String::new()),
        (false, None) => (Outcome::Failed("failed".to_owned()), String::new()),
        (false, Some(why)) if fails => (Outcome::Failed("undecided".to_owned()), format!(": {why}")),
        (false, Some(why)) => (Outcome::Skipped, format!(": {why}")),
    };
    let text = format!("measured {measured}, required {}{why}", gate.required);
    Case { name: format!("require {}", gate.name), seconds: 0.0, outcome, text }
}
