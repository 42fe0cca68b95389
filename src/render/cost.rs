//! What caches cost a month, before and after, for people.

use super::style::{Label, paint};
use super::value::wrap;
use crate::advise::cost::{cents, dollars};
use crate::model::cost::{CacheCost, Cost, Estimate};

/// A block of the table, 60 columns and up.
pub fn table(cost: &Cost, width: usize) -> String {
    let mut out = format!("\n{}\n", paint(Label::Strong, &title(cost)));
    let longest = cost.caches.iter().map(|cache| cache.address.to_string().chars().count()).max().unwrap_or(0).min(44);
    for cache in &cost.caches {
        out.push_str(&format!("  {:<longest$}  {}\n", cache.address.to_string(), change(cache)));
        for line in lines(cache) {
            out.push_str(&format!("      {}\n", paint(Label::Dim, &wrap(&line, width.saturating_sub(6), "        "))));
        }
    }
    if cost.caches.is_empty() {
        out.push_str("  no cache\n");
    } else {
        out.push_str(&format!("  {:<longest$}  {}\n", "all", paint(Label::Strong, &sum(cost))));
    }
    out.push_str(&format!(
        "  {}\n",
        paint(Label::Dim, &wrap(&format!("{}.", cost.not_counted), width.saturating_sub(2), "  "))
    ));
    out
}

/// The same for a pull request.
pub fn markdown(cost: &Cost) -> String {
    let mut out = format!("\n#### {}\n\n| cache | a month | how |\n|---|---|---|\n", title(cost));
    for cache in &cost.caches {
        let how = lines(cache).join("<br>").replace('|', "\\|");
        out.push_str(&format!("| `{}` | {} | {how} |\n", cache.address, change(cache)));
    }
    out.push_str(&format!("| all | **{}** | |\n\n{}.\n", sum(cost), cost.not_counted));
    out
}

fn title(cost: &Cost) -> String {
    format!("Cost a month, estimated from list prices of {} as of {}", cost.region, cost.date)
}

/// `$767.38`, `at least $6.13 (at most $119.42)`, `unknown`
pub fn amount(estimate: Option<&Estimate>) -> String {
    let Some(estimate) = estimate else { return "(none)".to_owned() };
    let Some(usd) = estimate.usd_month else { return "unknown".to_owned() };
    let least = if estimate.unknown.is_empty() { "" } else { "at least " };
    let most = estimate.usd_month_at_most.map(|most| format!(" (at most {})", dollars(most))).unwrap_or_default();
    format!("{least}{}{most}", dollars(usd))
}

fn change(cache: &CacheCost) -> String {
    if cache.before == cache.after {
        return amount(cache.before.as_ref());
    }
    let both = format!("{} -> {}", amount(cache.before.as_ref()), amount(cache.after.as_ref()));
    let known = |estimate: &Option<Estimate>| match estimate {
        None => Some(0.0),
        Some(estimate) if estimate.unknown.is_empty() => estimate.usd_month,
        Some(_) => None,
    };
    match (known(&cache.before), known(&cache.after)) {
        (Some(before), Some(after)) => format!("{both}   {}", signed(after - before)),
        _ => both,
    }
}

fn signed(usd: f64) -> String {
    if cents(usd) > 0.0 { format!("+{}", dollars(usd)) } else { dollars(usd) }
}

fn lines(cache: &CacheCost) -> Vec<String> {
    let of = |estimate: &Option<Estimate>| -> Vec<String> {
        let estimate = estimate.iter();
        estimate
            .flat_map(|estimate| {
                estimate
                    .arithmetic
                    .iter()
                    .cloned()
                    .chain(estimate.unknown.iter().map(|why| format!("not in the sum: {why}")))
            })
            .collect()
    };
    let (before, after) = (of(&cache.before), of(&cache.after));
    if before == after || before.is_empty() {
        return after;
    }
    before.into_iter().chain(after.into_iter().map(|line| format!("-> {line}"))).collect()
}

fn sum(cost: &Cost) -> String {
    let known = |of: fn(&CacheCost) -> &Option<Estimate>| {
        cost.caches.iter().filter_map(|cache| of(cache).as_ref()).all(|estimate| estimate.unknown.is_empty())
    };
    let side = |usd: f64, known: bool| format!("{}{}", if known { "" } else { "at least " }, dollars(usd));
    let (known_before, known_after) = (known(|cache| &cache.before), known(|cache| &cache.after));
    let before = side(cost.usd_month_before, known_before);
    let after = side(cost.usd_month_after, known_after);
    if before == after {
        return before;
    }
    let change = cost.usd_month_after - cost.usd_month_before;
    let change = if known_before && known_after { format!("   {}", signed(change)) } else { String::new() };
    format!("{before} -> {after}{change}")
}

/// `$767.38 -> $383.69`, as far as it is known.
pub fn month(before: Option<f64>, after: Option<f64>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{} -> {}", dollars(before), dollars(after)),
        (Some(before), None) => dollars(before),
        (None, _) => String::new(),
    }
}
