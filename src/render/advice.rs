//! What was measured of caches, and what follows, for people.

use super::cost::month;
use super::style::{Label, paint};
use super::value::{wrap, written};
use crate::model::advice::{Advice, CacheAdvice, Figure, FigureStatus, PatchEntry, Report, Severity};

/// The report as a table, 60 columns and up.
pub fn table(report: &Report, read: &str, width: usize) -> String {
    let mut out = format!(
        "{}   account {}   {}\n{}\n",
        paint(Label::Strong, &format!("stack {}", report.stack)),
        report.account_id,
        report.region,
        paint(Label::Dim, &wrap(read, width, "  "))
    );
    for cache in &report.caches {
        out.push_str(&format!("\n{}\n", paint(Label::Strong, &cache.address.to_string())));
        cache.figures.iter().for_each(|figure| out.push_str(&figure_line(figure, width)));
        for advice in &cache.advice {
            out.push_str(&advice_lines(advice, width));
        }
        for note in &cache.notes {
            out.push_str(&format!(
                "  {} {}\n",
                paint(Label::Dim, "note"),
                wrap(note, width.saturating_sub(7), "       ")
            ));
        }
        if cache.advice.is_empty() && cache.notes.is_empty() {
            out.push_str(&format!("  {}\n", paint(Label::Good, "Nothing to advise.")));
        }
    }
    for note in &report.notes {
        out.push_str(&format!("\n{} {}", paint(Label::Dim, "note"), wrap(note, width.saturating_sub(5), "     ")));
    }
    let ending = format!("{} Costs are estimated from {}.", last_line(report), report.prices);
    out.push_str(&format!("\n{}\n", wrap(&ending, width, "")));
    out
}

fn last_line(report: &Report) -> String {
    let advice: Vec<&Advice> = report.caches.iter().flat_map(|cache| &cache.advice).collect();
    if advice.is_empty() {
        return "No advice.".to_owned();
    }
    let changes = advice.iter().filter(|one| !one.patch.is_empty()).count();
    let word = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let found = word(advice.len(), "piece of advice", "pieces of advice");
    let write = if changes > 0 { ": --write puts them into the spec" } else { "" };
    format!("{found}, {} of the spec{write}.", word(changes, "change", "changes"))
}

fn figure_line(figure: &Figure, width: usize) -> String {
    let (mark, label) = match figure.status {
        FigureStatus::Warn => ("!", Label::Warn),
        FigureStatus::Ok => (" ", Label::Good),
        FigureStatus::Unknown => ("?", Label::Dim),
        FigureStatus::Info => (" ", Label::Dim),
    };
    let value = figure.value.map_or_else(|| "no data".to_owned(), |value| amount(value, figure.unit));
    let bound = figure.threshold.map_or_else(String::new, |threshold| {
        let word = if at_least(figure.name) { "at least" } else { "at most" };
        format!("({word} {})", amount(threshold, figure.unit))
    });
    let spark = if width >= 80 { figure.sparkline.as_str() } else { "" };
    format!(
        "{} {:<16} {} {bound:<24} {spark}\n",
        paint(label, mark),
        figure.name,
        paint(label, &format!("{value:<20}"))
    )
    .trim_end()
    .to_owned()
        + "\n"
}

/// Figures of which more is better.
fn at_least(name: &str) -> bool {
    matches!(name, "hitRate" | "cpuCredits" | "freeableMemory")
}

/// `97 %`, `10.5 GB`, `1.2 million`, `0.43 Gbps`
fn amount(value: f64, unit: &str) -> String {
    match unit {
        "percent" => format!("{value} %"),
        "bytes" => crate::advise::bytes(value),
        "count" | "packets" => crate::advise::many(value),
        "Gbps" => format!("{value} Gbps"),
        unit => format!("{value} {unit}"),
    }
}

fn advice_lines(advice: &Advice, width: usize) -> String {
    let label = if advice.severity == Severity::Warn { Label::Warn } else { Label::Update };
    let text = format!("{}: {}", advice.id, advice.summary);
    let mut out = format!("  {}\n", paint(label, &wrap(&text, width.saturating_sub(2), "    ")));
    for line in &advice.arithmetic {
        out.push_str(&format!("      {}\n", wrap(line, width.saturating_sub(6), "        ")));
    }
    for entry in &advice.patch {
        out.push_str(&format!(
            "      {} {}\n",
            paint(Label::Update, "~"),
            wrap(&patch_line(entry), width.saturating_sub(8), "          ")
        ));
    }
    out
}

fn patch_line(entry: &PatchEntry) -> String {
    format!("{}: {} -> {}", entry.path, written(&entry.before), written(&entry.after))
}

/// The report for a pull request or a ticket.
pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### cachectl advise: `{}` in {} ({}), {}\n\n**{}** Costs are estimated from {}.\n",
        report.stack,
        report.region,
        report.account_id,
        report.since,
        last_line(report),
        report.prices
    );
    for cache in &report.caches {
        out.push_str(&of_cache(cache));
    }
    for note in &report.notes {
        out.push_str(&format!("\n- note: {}\n", cell(note)));
    }
    out
}

fn of_cache(cache: &CacheAdvice) -> String {
    let mut out = format!("\n#### `{}`\n", cache.address);
    if !cache.advice.is_empty() {
        out.push_str("\n| advice | | how | change | a month |\n|---|---|---|---|---|\n");
    }
    for advice in &cache.advice {
        let patch: Vec<String> = advice.patch.iter().map(|entry| format!("`{}`", patch_line(entry))).collect();
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            advice.id,
            cell(&advice.summary),
            cell(&advice.arithmetic.join("; ")),
            cell(&patch.join(" ")),
            month(advice.monthly_cost_before, advice.monthly_cost_after)
        ));
    }
    if !cache.figures.is_empty() {
        out.push_str("\n| | figure | value | threshold | course | source |\n|---|---|---|---|---|---|\n");
    }
    for figure in &cache.figures {
        let mark = if figure.status == FigureStatus::Warn { "!" } else { "" };
        let value = figure.value.map_or_else(|| "no data".to_owned(), |value| amount(value, figure.unit));
        let threshold = figure.threshold.map_or_else(String::new, |threshold| amount(threshold, figure.unit));
        out.push_str(&format!(
            "| {mark} | {} | {value} | {threshold} | {} | {} |\n",
            figure.name,
            figure.sparkline,
            cell(&figure.source)
        ));
    }
    for note in &cache.notes {
        out.push_str(&format!("\n- note: {}\n", cell(note)));
    }
    out
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
