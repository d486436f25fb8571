//! Replay and sequence detection of per-message tokens (RFC 2743 1.2.3).

use crate::encoding::{Reader, Writer};
use crate::message::SequenceState;

/// What was agreed to be detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detection {
    /// `GSS_C_REPLAY_FLAG`: duplicates.
    pub(crate) replay: bool,
    /// `GSS_C_SEQUENCE_FLAG`: everything that is not the next message.
    pub(crate) sequence: bool,
}

/// How many messages back a duplicate can be told from a late one.
const WINDOW: u64 = 64;

/// The numbers received, as far as they matter: the next one expected, and
/// which of the 64 before it have come.
///
/// Numbers are kept relative to the first one, so that a sequence which wraps
/// at 2^64 is an ordinary one (and, as in MIT krb5, a number before the first
/// is one far ahead).
pub(super) struct SequenceWindow {
    detection: Detection,
    base: u64,
    next: u64,
    /// Bit n: `next - 1 - n` was received.
    received: u64,
}

impl SequenceWindow {
    pub(super) fn new(detection: Detection, first: u64) -> Self {
        Self {
            detection,
            base: first,
            next: 0,
            received: 0,
        }
    }

    /// Notes a number and says where it stands. Only for a message whose
    /// integrity has been checked: anything else would let a forger move the
    /// window.
    ///
    /// Which answer wins follows MIT krb5's `g_seqstate_check`: with sequence
    /// detection, what lies before the window is out of sequence; without it,
    /// old. Without replay detection a number that came before is just late.
    pub(super) fn check(&mut self, sequence: u64) -> SequenceState {
        let Detection {
            replay,
            sequence: ordered,
        } = self.detection;
        if !replay && !ordered {
            return SequenceState::InOrder;
        }
        let relative = sequence.wrapping_sub(self.base);
        if relative >= self.next {
            let skipped = relative - self.next;
            self.advance(skipped);
            self.next = relative.wrapping_add(1);
            return if ordered && skipped > 0 {
                SequenceState::Gap
            } else {
                SequenceState::InOrder
            };
        }
        let back = self.next - relative;
        if back > WINDOW {
            return if ordered {
                SequenceState::Unsequenced
            } else {
                SequenceState::Old
            };
        }
        let bit = 1 << (back - 1);
        if replay && self.received & bit != 0 {
            return SequenceState::Duplicate;
        }
        self.received |= bit;
        if ordered {
            SequenceState::Unsequenced
        } else {
            SequenceState::InOrder
        }
    }

    /// Writes it, for another process to go on with.
    pub(super) fn save(&self, writer: &mut Writer) {
        self.detection.save(writer);
        writer.u64(self.base);
        writer.u64(self.next);
        writer.u64(self.received);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            detection: Detection::restore(reader)?,
            base: reader.u64()?,
            next: reader.u64()?,
            received: reader.u64()?,
        })
    }

    /// Moves the window past `skipped` missing numbers and one that came.
    fn advance(&mut self, skipped: u64) {
        // A shift by the whole width is not defined in C and not zero on most
        // machines; here it means that nothing in the old window matters.
        let shift = u32::try_from(skipped.saturating_add(1)).unwrap_or(u32::MAX);
        self.received = self.received.checked_shl(shift).unwrap_or(0) | 1;
    }
}
