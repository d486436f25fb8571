//! Texts for what a platform's library has found out and does not name.

use core::fmt;
use std::time::SystemTime;

use crate::name::Principal;
use crate::time::Utc;

/// A principal; one without realm and components is nobody's name.
pub(super) struct Named<'a>(pub(super) &'a Principal);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.realm().is_empty() && self.0.components().next().is_none() {
            return f.write_str("a client that the library does not name");
        }
        fmt::Display::fmt(self.0, f)
    }
}

/// A checksum's type, and the one that is due; 0 is neither.
pub(super) fn checksum(kind: i32, expected: i32) -> String {
    if (kind, expected) == (0, 0) {
        return "the checksum in the authenticator is not a valid one of the session key's type"
            .into();
    }
    format!(
        "the checksum in the authenticator (type {kind}) is not a valid one of type {expected}, \
         the session key's"
    )
}

/// When a context ended; no context ended in 1970.
pub(super) fn ended(end: SystemTime) -> String {
    if end == SystemTime::UNIX_EPOCH {
        return "the context has ended".into();
    }
    format!("the context ended at {}", Utc(end))
}

#[cfg(test)]
mod tests {
    use crate::error::Rejection;
    use crate::name::Principal;
    use std::time::{Duration, SystemTime};

    /// What is not told is not made up.
    #[test]
    fn what_a_library_keeps_to_itself_has_words() {
        let nobody = || Principal::new("", &[] as &[&str], Principal::NT_PRINCIPAL);
        let alice: Principal = "alice@EXAMPLE.TEST".parse().unwrap();
        let mismatch = |authenticator| Rejection::ClientMismatch {
            ticket: nobody(),
            authenticator,
        };
        let text = mismatch(nobody()).to_string();
        assert_eq!(text.matches("does not name").count(), 2, "{text}");
        let text = mismatch(alice).to_string();
        assert!(text.contains("alice@EXAMPLE.TEST"), "{text}");
        let checksum = |kind, expected| Rejection::Checksum { kind, expected }.to_string();
        assert!(!checksum(0, 0).contains('0'), "{}", checksum(0, 0));
        assert!(checksum(7, 16).contains("type 7"));
        let ended = |end| Rejection::ContextExpired { end }.to_string();
        assert!(!ended(SystemTime::UNIX_EPOCH).contains("1970"));
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(86400);
        assert!(ended(later).contains("1970-01-02"));
    }
}
