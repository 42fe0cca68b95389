//! What the clients of a cache noticed of each step, beside what was foretold.

use super::drill::{length, said};
use super::style::{Label, paint};
use crate::drill::{Gate, Noticed, Passage, Whole};
use crate::model::Address;
use crate::model::attribute::Impact;

/// A line a step, one for all of each cache's, and one a bound.
pub fn table(passages: &[Passage], wholes: &[Whole], gates: &[(Address, Gate)]) -> String {
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
    // Without a step there is nothing that clients could have noticed.
    for whole in wholes.iter().filter(|_| !passages.is_empty()) {
        out.push_str(&format!("  whole apply {}\n      {}\n", whole.address, seen(&whole.noticed)));
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

/// `predicted brief, seen: longest gap 412 ms, 2 errors, 0 lost writes`
pub fn line(passage: &Passage) -> String {
    let foretold = passage.foretold.map_or("nothing", word);
    format!("predicted {foretold}, seen: {}", seen(&passage.noticed))
}

/// `longest gap 412 ms (reads 20 ms), 2 errors, 0 lost writes`
pub fn seen(noticed: &Noticed) -> String {
    let (writes, reads, errors) = (noticed.longest_write_gap_ms, noticed.longest_read_gap_ms, noticed.errors);
    let lost =
        noticed.lost_writes.map_or_else(|| "lost writes not known".to_owned(), |lost| format!("{lost} lost writes"));
    let stalled = match noticed.stalled_ms {
        0.0 => String::new(),
        stalled => format!("; this machine stood still for {} of the time", length(Some(stalled))),
    };
    format!("longest gap {} (reads {}), {errors} errors, {lost}{stalled}", length(writes), length(reads))
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
            noticed: Noticed {
                longest_write_gap_ms: Some(412.3),
                longest_read_gap_ms: Some(20.0),
                errors: 2,
                lost_writes: Some(0),
                stalled_ms: 0.0,
            },
        };
        assert_eq!(line(&passage), "predicted brief, seen: longest gap 412 ms (reads 20 ms), 2 errors, 0 lost writes");
        let whole = Whole {
            address: "replicationGroup/a".into(),
            noticed: Noticed {
                longest_write_gap_ms: Some(900.0),
                longest_read_gap_ms: None,
                errors: 5,
                lost_writes: Some(3),
                stalled_ms: 1_200.0,
            },
        };
        let text = table(std::slice::from_ref(&passage), &[whole], &[]);
        assert!(text.contains("whole apply replicationGroup/a\n      longest gap 900 ms"), "{text}");
        assert!(text.contains("5 errors, 3 lost writes; this machine stood still for 1200 ms"), "{text}");
        let noticed = Noticed { lost_writes: None, ..passage.noticed.clone() };
        let unknown = Passage { noticed, foretold: None, ..passage };
        assert!(line(&unknown).contains("predicted nothing") && line(&unknown).contains("lost writes not known"));
    }
}
