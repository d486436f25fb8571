//! Which message numbers a client may use, each once (MS-SMB2 3.3.1.1,
//! 3.3.5.2.3): a signed message that somebody sends again has a number that is
//! gone.

use std::collections::BTreeSet;

/// How many a client may have at once.
const MOST: usize = 64;

pub struct Credits {
    open: BTreeSet<u64>,
    next: u64,
}

impl Credits {
    pub fn new() -> Self {
        Self {
            open: BTreeSet::from([0]),
            next: 1,
        }
    }

    /// Uses a number, and those after it that the request is charged for.
    /// `false`: one of them was not the client's to use.
    pub fn take(&mut self, first: u64, charge: u16) -> bool {
        (0..u64::from(charge.max(1)))
            .all(|n| first.checked_add(n).is_some_and(|id| self.open.remove(&id)))
    }

    /// Gives as many as are asked for and are within bounds, and never leaves
    /// the client with none; says how many.
    pub fn grant(&mut self, asked: u16) -> u16 {
        let room = MOST.saturating_sub(self.open.len());
        let granted = usize::from(asked.max(1)).min(room);
        for _ in 0..granted {
            self.open.insert(self.next);
            self.next += 1;
        }
        u16::try_from(granted).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Credits;

    #[test]
    fn a_number_is_used_once() {
        let mut credits = Credits::new();
        assert!(!credits.take(1, 1), "not granted yet");
        assert!(credits.take(0, 0));
        assert_eq!(credits.grant(3), 3);
        assert!(credits.take(2, 1));
        assert!(!credits.take(2, 1), "used");
        assert!(credits.take(1, 1));
        assert!(!credits.take(u64::MAX, 2));
        assert_eq!(credits.grant(u16::MAX), 63);
    }
}
