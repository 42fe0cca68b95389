//! Markers and page sizes, the same for every Describe call.

use crate::refusal::Refusal;
use crate::wire::{input::Input, output::Output};

/// One page and the marker of the next.
pub(crate) struct Page {
    pub items: Vec<Output>,
    pub next: Option<String>,
}

/// Cuts a page out of items that come in the order of their keys. ElastiCache takes MaxRecords from
/// 20 to 100; `cap` is the sandbox's own, smaller limit for tests.
pub(crate) fn page<K: AsRef<str>, T>(
    input: &Input,
    cap: Option<usize>,
    items: impl Iterator<Item = (K, T)>,
    render: impl Fn(T) -> Output,
) -> Result<Page, Refusal> {
    let asked = match input.int("MaxRecords")? {
        None => 100,
        Some(n @ 20..=100) => usize::try_from(n).unwrap_or(100),
        Some(n) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value {n} for MaxRecords. Must be between 20 and 100"
            )));
        }
    };
    cut(input.text("Marker"), asked, cap, items, render)
}

/// The same for calls that name their members otherwise (`MaxResults`, `NextToken`).
pub(crate) fn cut<K: AsRef<str>, T>(
    marker: Option<String>,
    asked: usize,
    cap: Option<usize>,
    items: impl Iterator<Item = (K, T)>,
    render: impl Fn(T) -> Output,
) -> Result<Page, Refusal> {
    let size = asked.min(cap.unwrap_or(usize::MAX)).max(1);
    let after = match marker.filter(|text| !text.is_empty()) {
        None => None,
        Some(marker) => Some(
            decode(&marker)
                .ok_or_else(|| Refusal::invalid_value(format!("The specified marker is invalid: {marker}")))?,
        ),
    };
    let mut found = Vec::new();
    let mut last: Option<String> = None;
    for (key, item) in items {
        let key = key.as_ref();
        if after.as_deref().is_some_and(|after| key <= after) {
            continue;
        }
        if found.len() == size {
            return Ok(Page { items: found, next: last.as_deref().map(encode) });
        }
        found.push(render(item));
        last = Some(key.to_owned());
    }
    Ok(Page { items: found, next: None })
}

/// A marker that is plainly not an id, so that nobody builds one by hand.
fn encode(key: &str) -> String {
    key.bytes().fold(String::from("m1"), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

fn decode(marker: &str) -> Option<String> {
    let hex = marker.strip_prefix("m1")?;
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let names: Vec<String> = (0..7).map(|n| format!("g{n}")).collect();
        let mut marker = None;
        let mut seen = Vec::new();
        loop {
            let items = names.iter().map(|name| (name.as_str(), name));
            let Ok(page) = cut(marker, 100, Some(3), items, |name| name.into()) else {
                panic!("a marker of the last page is refused");
            };
            seen.extend(page.items);
            marker = page.next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 7);
        assert!(cut(Some("g1".into()), 1, None, std::iter::empty::<(&str, &str)>(), |n| n.into()).is_err());
    }
}
