//! What the clients of a cache noticed of each step, beside what was foretold.

use super::drill::{length, said};
use super::style::{Label, paint};
use crate::drill::{Gate, Passage};
use crate::model::Address;
use crate::model::attribute::Impact;

/// A line a step, and one a bound.
pub fn table(passages: &[Passage], gates: &[(Address, Gate)]) -> String {
    if passages.is_empty() && gates.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint(Label::Strong, "Canary"));
    for passage in passages {
        out.push_str(&format!(
            "  [{}] {} {}\n      {}\n",
            passage.step,
            passage.operation,
            passage.address,
            line(passage)
        ));
    }
    for (address, gate) in gates {
        let label = if gate.passed { Label::Good } else { Label::Error };
        out.push_str(&paint(label, &format!("  {}", bound(address, gate))));
        out.push('\n');
    }
    out
}

/// `replicationGroup/a maxWriteGap: ...`
pub fn bound(address: &Address, gate: &Gate) -> String {
    format!("{address} {}: {}", gate.name, said(gate))
}

/// `foretold brief, seen: longest gap 412 ms, 2 errors, 0 lost writes`
pub fn line(passage: &Passage) -> String {
    let foretold = passage.foretold.map_or("nothing", word);
    let gap = |ms: Option<f64>| length(ms);
    let lost =
        passage.lost_writes.map_or_else(|| "lost writes not known".to_owned(), |lost| format!("{lost} lost writes"));
    format!(
        "foretold {foretold}, seen: longest gap {} (reads {}), {} errors, {lost}",
        gap(passage.longest_write_gap_ms),
        gap(passage.longest_read_gap_ms),
        passage.errors
    )
}

/// As plans write it.
fn word(impact: Impact) -> &'static str {
    match impact {
        Impact::None => "none",
        Impact::Deferred => "deferred",
        Impact::Brief => "brief",
        Impact::Reboot => "reboot",
        Impact::Replace => "replace",
        Impact::Delete => "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_beside_what_was_foretold() {
        let passage = Passage {
            step: 1,
            address: "replicationGroup/a".into(),
            operation: "ModifyReplicationGroup".into(),
            foretold: Some(Impact::Brief),
            longest_write_gap_ms: Some(412.3),
            longest_read_gap_ms: Some(20.0),
            errors: 2,
            lost_writes: Some(0),
        };
        assert_eq!(line(&passage), "foretold brief, seen: longest gap 412 ms (reads 20 ms), 2 errors, 0 lost writes");
        let unknown = Passage { lost_writes: None, foretold: None, ..passage };
        assert!(line(&unknown).contains("foretold nothing") && line(&unknown).contains("lost writes not known"));
    }
}
