//! Which shard owns which of the 16,384 hash slots.

pub(crate) const SLOTS: u16 = 16_384;

/// Sorted, disjoint, inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slots(pub Vec<(u16, u16)>);

impl Slots {
    /// `0-5460,10923-16383`; one slot is written alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (from, to) = part.trim().split_once('-').unwrap_or((part, part));
            let (from, to): (u16, u16) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            if from > to || to >= SLOTS {
                return None;
            }
            ranges.push((from, to));
        }
        ranges.sort_unstable();
        let overlap = ranges.windows(2).any(|pair| pair[0].1 >= pair[1].0);
        (!overlap).then_some(Slots(ranges))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }

    fn from_sorted(slots: impl Iterator<Item = u16>) -> Self {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in slots {
            match ranges.last_mut() {
                Some((_, to)) if *to + 1 == slot => *to = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        Slots(ranges)
    }
}

impl std::fmt::Display for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if from == to {
                write!(f, "{comma}{from}")?;
            } else {
                write!(f, "{comma}{from}-{to}")?;
            }
        }
        Ok(())
    }
}

/// Equal shares for a new group.
pub(crate) fn even(shards: usize) -> Vec<Slots> {
    let total = usize::from(SLOTS);
    let bound = |index: usize| u16::try_from(index * total / shards.max(1)).unwrap_or(SLOTS);
    (0..shards).map(|index| Slots(vec![(bound(index), bound(index + 1) - 1)])).collect()
}

/// Whether the shards together own every slot exactly once.
pub(crate) fn cover_everything(shards: &[Slots]) -> bool {
    let mut all: Vec<(u16, u16)> = shards.iter().flat_map(|slots| slots.0.clone()).collect();
    all.sort_unstable();
    let mut next = 0;
    for (from, to) in all {
        if from != next {
            return false;
        }
        next = to + 1;
    }
    next == SLOTS
}

/// Equal shares again, moving as few slots as possible. `None` is a shard that is to be emptied.
pub(crate) fn rebalance(now: &[(Slots, bool)]) -> Vec<Slots> {
    let staying = now.iter().filter(|(_, stays)| *stays).count().max(1);
    let (share, extra) = (usize::from(SLOTS) / staying, usize::from(SLOTS) % staying);
    let mut rank = 0;
    let targets: Vec<usize> = now
        .iter()
        .map(|(_, stays)| {
            if !*stays {
                return 0;
            }
            rank += 1;
            share + usize::from(rank <= extra)
        })
        .collect();
    let mut owned: Vec<Vec<u16>> = now.iter().map(|(slots, _)| slots.iter().collect()).collect();
    let mut moving = Vec::new();
    for (slots, target) in owned.iter_mut().zip(&targets) {
        if slots.len() > *target {
            moving.extend(slots.split_off(*target));
        }
    }
    for (slots, target) in owned.iter_mut().zip(&targets) {
        let wanted = target.saturating_sub(slots.len()).min(moving.len());
        slots.extend(moving.drain(..wanted));
        slots.sort_unstable();
    }
    owned.into_iter().map(|slots| Slots::from_sorted(slots.into_iter())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_owner_after_any_change() {
        for shards in 1..20 {
            let mut owners = even(shards);
            assert!(cover_everything(&owners), "{shards} shards");
            let mut now: Vec<(Slots, bool)> = owners.into_iter().map(|slots| (slots, true)).collect();
            now.push((Slots::default(), true));
            owners = rebalance(&now);
            assert!(cover_everything(&owners), "{shards} + 1 shards");
            let now: Vec<(Slots, bool)> =
                owners.into_iter().enumerate().map(|(index, slots)| (slots, index != 0)).collect();
            let owners = rebalance(&now);
            assert!(cover_everything(&owners), "{shards} shards, the first one left");
            assert!(owners[0].0.is_empty());
        }
    }

    #[test]
    fn text_is_read_as_it_is_written() {
        let slots = Slots::parse("0-10,12,20-16383");
        assert_eq!(slots.map(|slots| slots.to_string()), Some("0-10,12,20-16383".into()));
        assert_eq!(Slots::parse("0-16384"), None);
        assert_eq!(Slots::parse("0-10,5-20"), None);
    }
}
