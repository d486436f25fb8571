//! What `tracing` is told of each decision.

use core::fmt::Debug;
use std::sync::{Arc, Mutex};

use ::tracing::field::{Field, Visit};
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Level, Metadata, Subscriber};

use super::{Site, plain, request};

/// The fields of one event, as they were recorded.
type Told = Vec<(String, String)>;

/// Keeps the events of the audit's target.
struct Log(Arc<Mutex<Vec<(Level, Told)>>>);

struct Fields(Told);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().into(), value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().into(), format!("{value:?}")));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "gss_acceptor::audit"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &::tracing::Event<'_>) {
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// One event for each request, with who it was and why not, in words that cannot be taken for
/// another event's: a name is a string, not text among the fields.
#[::tokio::test]
async fn every_decision_is_an_event() {
    let site = Site::new();
    let connection = plain();
    let id = connection.id().to_string();
    let token = site.token("alice");
    let events = Arc::default();
    let guard = ::tracing::subscriber::set_default(Log(Arc::clone(&events)));
    for token in [None, Some(&token[..]), Some(&token[..])] {
        site.send(request(&connection, token)).await;
    }
    drop(guard);
    let events = std::mem::take(&mut *events.lock().unwrap());
    let [asked, known, replayed] = &events[..] else {
        panic!("{events:?}");
    };
    let of = |fields: &[(&str, &str)]| -> Told {
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        fields.iter().map(owned).collect()
    };
    assert_eq!(
        *asked,
        (
            Level::INFO,
            of(&[("verdict", "asked"), ("connection", &id)])
        )
    );
    let fields = of(&[
        ("verdict", "authenticated"),
        ("connection", &id),
        ("peer", "alice@EXAMPLE.TEST"),
        ("anonymous", "false"),
        ("mechanism", "Kerberos"),
        ("via", "token"),
    ]);
    assert_eq!(*known, (Level::INFO, fields));
    let (level, fields) = replayed;
    assert_eq!(*level, Level::INFO);
    assert_eq!(
        fields[..2],
        of(&[("verdict", "rejected"), ("connection", &id)])
    );
    let [.., (name, reason)] = &fields[..] else {
        panic!("no reason");
    };
    assert!(
        name == "reason" && reason.contains("used before"),
        "{fields:?}"
    );
}
