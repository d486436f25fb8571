//! Rules 4 to 6, 9 to 11 and 42, and USE_SUPPLIED_CREDS: the server's keys and what is done with
//! them.

use crate::Mount;
use crate::bench::{Bench, NOW, at, done, fails, goes_on, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Capaths, Credentials, Error, EtypeUse, Keytab, KeytabProblem, Misuse,
    Rejection, Requirements, StepInput, Unavailability,
};
use kit::ap_req::{ApReqSpec, oid};
use kit::crypto::KitKey;
use kit::keytab::{Entry, Item, Version, simple, truncated, write};
use kit::spnego::{InitSpec, Resp};
use kit::ticket::{NT_ENTERPRISE, NT_PRINCIPAL, NT_SRV_HST, NT_SRV_INST, Name, flag};
use kit::world::REALM;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// An entry of a keytab.
pub fn entry(service: &str, host: &str, kvno: u32, key: KitKey) -> Entry {
    Entry::new(Name::new(NT_SRV_HST, &[service, host]), REALM, kvno, key)
}

/// A keytab of these entries.
pub fn keytab(entries: &[Entry]) -> Keytab {
    Keytab::from_bytes(simple(entries)).expect("a keytab")
}

/// An AP-REQ whose ticket is for this service, in this key.
pub fn to(bench: &Bench, service: &str, host: &str, kvno: u32, key: KitKey) -> ApReqSpec {
    bench.ap_req(|a| {
        a.ticket.sname = Name::new(NT_SRV_INST, &[service, host]);
        a.ticket.service_key = key;
        a.ticket.kvno = Some(kvno.into());
    })
}

/// A key of type 18.
pub fn key(label: &str) -> KitKey {
    KitKey::seeded(9, label, 18)
}

pub fn rule_04_alias_bound<M: Mount>() {
    let bench = Bench::new();
    // Twenty principals; the ticket names none of them and is in the key of one.
    let entries: Vec<Entry> = (0..20)
        .map(|n| entry("HTTP", &format!("host{n}"), 1, key(&format!("key{n}"))))
        .collect();
    let opened = |config: &AcceptorConfig| {
        let hit = |n: &usize| {
            let spec = to(&bench, "HTTP", "alias", 1, key(&format!("key{n}")));
            match Acceptor::new(config).step(&spec.token()) {
                Ok(step) => {
                    let target = done(Ok(step))
                        .context
                        .target()
                        .expect("a target")
                        .to_string();
                    assert_eq!(target, format!("HTTP/host{n}@EXAMPLE.TEST"));
                    true
                }
                Err(failure) => {
                    let reason = failure.error().rejection();
                    assert!(matches!(reason, Some(Rejection::NoKey { .. })), "{failure}");
                    false
                }
            }
        };
        (0..20).filter(hit).count()
    };
    let builder = || bench.builder_with::<M>(keytab(&entries));
    assert_eq!(opened(&builder().build().expect("builds")), 0);
    assert_eq!(
        opened(&builder().accept_any_name().build().expect("builds")),
        8
    );
    assert_eq!(
        opened(&builder().alias_limit(3).build().expect("builds")),
        3
    );
    assert_eq!(
        opened(&builder().alias_limit(20).build().expect("builds")),
        20
    );
    // Any name is any of the accepted ones.
    let only = builder()
        .alias_limit(20)
        .accept_service("HTTP/host7".parse().expect("a name"));
    assert_eq!(opened(&only.build().expect("builds")), 1);
}

pub fn rule_04_errors_name_what_is_where<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let reason = |spec: ApReqSpec| rejection(Acceptor::new(&config).step(&spec.token()));
    let http = "HTTP/localhost@EXAMPLE.TEST".parse().expect("a name");
    let host = "host/localhost@EXAMPLE.TEST".parse().expect("a name");
    match reason(to(&bench, "HTTP", "localhost", 300, key("x"))) {
        Rejection::KeyVersion {
            service,
            kvno,
            etype,
            has,
        } => {
            assert_eq!((service, kvno, etype.0), (http, 300, 18));
            assert_eq!(has, [259, 258]);
        }
        other => panic!("{other}"),
    }
    match reason(to(
        &bench,
        "host",
        "localhost",
        1,
        KitKey::seeded(1, "x", 17),
    )) {
        Rejection::KeyEtype {
            service,
            etype,
            has,
        } => {
            assert_eq!((service, etype.0), (host, 17));
            assert_eq!(has.iter().map(|etype| etype.0).collect::<Vec<_>>(), [18]);
        }
        other => panic!("{other}"),
    }
    match reason(to(&bench, "ldap", "localhost", 1, key("x"))) {
        Rejection::NoKey { service, available } => {
            assert_eq!(service.to_string(), "ldap/localhost@EXAMPLE.TEST");
            assert!(!available.is_empty());
        }
        other => panic!("{other}"),
    }
    match reason(to(&bench, "HTTP", "localhost", 259, key("x"))) {
        Rejection::KeyMismatch { kvno, .. } => assert_eq!(kvno, Some(259)),
        other => panic!("{other}"),
    }
    match reason(bench.ap_req(|a| a.subkey = Some(KitKey::seeded(1, "x", 23)))) {
        Rejection::EtypeNotPermitted {
            used_as,
            etype,
            permitted,
        } => {
            assert_eq!((used_as, etype.0), (EtypeUse::Subkey, 23));
            assert_eq!(permitted.len(), 4);
        }
        other => panic!("{other}"),
    }
}

pub fn rule_03_versions_are_told_apart_in_all_their_bits<M: Mount>() {
    let bench = Bench::new();
    // An RODC's number is in the upper 16 bits: the two keys are of two KDCs.
    let rodc = 0x0007_0000 | 1;
    let both = [
        entry("HTTP", "web", 1, key("full")),
        entry("HTTP", "web", rodc, key("rodc")),
    ];
    let config = bench
        .builder_with::<M>(keytab(&both))
        .build()
        .expect("builds");
    for (kvno, label, opens) in [
        (1, "full", true),
        (rodc, "rodc", true),
        (rodc, "full", false),
        (1, "rodc", false),
        // A version that is in neither: all are tried.
        (0x0008_0001, "full", true),
        (0x0008_0001, "rodc", true),
    ] {
        let step =
            Acceptor::new(&config).step(&to(&bench, "HTTP", "web", kvno, key(label)).token());
        match (opens, step) {
            (true, step) => drop(done(step)),
            (false, step) => match rejection(step) {
                Rejection::KeyMismatch { kvno: named, .. } => assert_eq!(named, Some(kvno)),
                other => panic!("{other}"),
            },
        }
    }
    // A keytab that holds 8 bits of each: they are what is compared.
    let short = |kvno: u32, label| Entry {
        kvno32: None,
        ..entry("HTTP", "web", kvno, key(label))
    };
    let both = [short(0x102, "two"), short(0x103, "three")];
    let config = bench
        .builder_with::<M>(keytab(&both))
        .build()
        .expect("builds");
    for (kvno, label, opens) in [
        (0x102, "two", true),
        (0x103, "three", true),
        (3, "three", true),
        (0x103, "two", false),
    ] {
        let spec = to(&bench, "HTTP", "web", kvno, key(label));
        assert_eq!(
            Acceptor::new(&config).step(&spec.token()).is_ok(),
            opens,
            "{kvno} {label}"
        );
    }
    // The trailer wins when it is not 0.
    let with = |kvno8, kvno32| Entry {
        kvno8,
        kvno32: Some(kvno32),
        ..entry("HTTP", "web", 1, key("x"))
    };
    for (entry, due) in [(with(9, 300), 300), (with(9, 0), 9)] {
        let config = bench
            .builder_with::<M>(keytab(&[entry]))
            .build()
            .expect("builds");
        assert_eq!(config.describe().principals[0].keys[0].0, due);
    }
}

pub fn rule_05_target_is_the_keytabs<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.ap_req(|a| a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP", "localhost"]));
    let context = done(Acceptor::new(&config).step(&spec.token())).context;
    // The keytab's name type, not the ticket's.
    assert_eq!(context.target().expect("a target").name_type(), 3);
    // A restriction covers principals, whatever key they share.
    let shared = key("one account");
    let both = [
        entry("HTTP", "web", 1, shared.clone()),
        entry("cifs", "web", 1, shared.clone()),
    ];
    let only = bench
        .builder_with::<M>(keytab(&both))
        .accept_service("HTTP".parse().expect("a name"))
        .build()
        .expect("builds");
    done(Acceptor::new(&only).step(&to(&bench, "HTTP", "web", 1, shared.clone()).token()));
    match rejection(Acceptor::new(&only).step(&to(&bench, "cifs", "web", 1, shared).token())) {
        Rejection::ServiceNotAccepted { service, accepted } => {
            assert_eq!(service.to_string(), "cifs/web@EXAMPLE.TEST");
            assert_eq!(accepted.len(), 1);
        }
        other => panic!("{other}"),
    }
}

pub fn rule_06_ten_thousand_entries<M: Mount>() {
    let bench = Bench::new();
    let entries: Vec<Entry> = (0..10_000)
        .map(|n| {
            entry(
                "HTTP",
                &format!("host{n}.example.test"),
                n % 7 + 1,
                key(&n.to_string()),
            )
        })
        .collect();
    let config = bench
        .builder_with::<M>(keytab(&entries))
        .build()
        .expect("builds");
    assert_eq!(config.describe().principals.len(), 10_000);
    for n in [0, 1, 4999, 9999] {
        let host = format!("host{n}.example.test");
        let spec = to(&bench, "HTTP", &host, n % 7 + 1, key(&n.to_string()));
        let context = done(Acceptor::new(&config).step(&spec.token())).context;
        assert_eq!(
            context.target().expect("a target").to_string(),
            format!("HTTP/{host}@EXAMPLE.TEST")
        );
    }
    // A name that is in no entry costs no decryption: neither it nor its error grows.
    let text = fails(Acceptor::new(&config).step(&to(&bench, "HTTP", "none", 1, key("x")).token()))
        .error()
        .to_string();
    assert!(text.len() < 1000, "{} octets of error", text.len());
}

pub fn rule_08_the_identity_is_the_tickets<M: Mount>() {
    // Where the two may differ, in the name type, the ticket's is given out.
    let bench = Bench::new();
    let spec = bench.ap_req(|a| a.cname = Some(Name::new(NT_ENTERPRISE, &["alice"])));
    let context = done(Acceptor::new(&bench.config::<M>()).step(&spec.token())).context;
    let peer = context.peer().principal().expect("a principal");
    assert_eq!(i64::from(peer.name_type()), NT_PRINCIPAL);
    assert_eq!(peer.components().collect::<Vec<_>>(), [b"alice"]);
    assert_eq!(peer.realm(), REALM);
}

pub fn rule_09_addresses<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let six = "2001:db8::7"
        .parse::<std::net::Ipv6Addr>()
        .expect("an address");
    let list = vec![
        (20, b"CLIENT         ".to_vec()),
        (2, vec![192, 0, 2, 1]),
        (24, six.octets().to_vec()),
        (2, vec![127, 0, 0]),
    ];
    for (peer, admitted) in [
        ("192.0.2.1", true),
        ("192.0.2.3", false),
        ("2001:db8::7", true),
        ("2001:db8::8", false),
        // How a socket of both families names an IPv4 client.
        ("::ffff:192.0.2.1", true),
        ("127.0.0.1", false),
    ] {
        let token = bench
            .ap_req(|a| a.ticket.caddr = Some(list.clone()))
            .token();
        let peer = peer.parse().expect("an address");
        let step = Acceptor::new(&config).step_with(StepInput::new(&token).peer_address(peer));
        if admitted {
            done(step);
        } else {
            assert_eq!(rejection(step), Rejection::Address { peer });
        }
    }
}

pub fn rule_10_the_error_names_both<M: Mount>() {
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .clock_skew(Duration::from_secs(10))
        .build()
        .expect("builds");
    done(
        Acceptor::new(&config).step(&bench.ap_req(|a| (a.ctime, a.cusec) = (NOW + 10, 0)).token()),
    );
    done(
        Acceptor::new(&config).step(&bench.ap_req(|a| (a.ctime, a.cusec) = (NOW - 10, 0)).token()),
    );
    for (ctime, cusec) in [(NOW + 10, 1), (NOW - 11, 999_999)] {
        let spec = bench.ap_req(|a| (a.ctime, a.cusec) = (ctime, cusec));
        let client = at(ctime) + Duration::from_micros(cusec.try_into().expect("positive"));
        let due = Rejection::ClockSkew {
            client: Some(client),
            server: at(NOW),
            skew: Duration::from_secs(10),
        };
        assert_eq!(rejection(Acceptor::new(&config).step(&spec.token())), due);
    }
}

pub fn rule_11_capaths<M: Mount>() {
    let bench = Bench::new();
    let spec = |through: &str| {
        bench.ap_req(|a| {
            a.ticket.crealm = b"A.B.EXAMPLE.TEST".to_vec();
            a.ticket.transited = (1, through.as_bytes().to_vec());
            a.ticket.flags &= !flag::TRANSITED_POLICY_CHECKED;
        })
    };
    let capaths = Capaths::new().path("A.B.EXAMPLE.TEST", "EXAMPLE.TEST", &["HUB.TEST"]);
    let config = bench
        .builder::<M>()
        .capaths(capaths)
        .build()
        .expect("builds");
    done(Acceptor::new(&config).step(&spec("HUB.TEST").token()));
    // They replace the hierarchy.
    match rejection(Acceptor::new(&config).step(&spec("B.EXAMPLE.TEST").token())) {
        Rejection::Transited {
            client,
            server_realm,
            transited,
        } => {
            assert_eq!(client.to_string(), "alice@A.B.EXAMPLE.TEST");
            assert_eq!(server_realm, "EXAMPLE.TEST");
            assert_eq!(transited, ["B.EXAMPLE.TEST"]);
        }
        other => panic!("{other}"),
    }
    done(Acceptor::new(&bench.config::<M>()).step(&spec("B.EXAMPLE.TEST").token()));
}

/// A file of its own, gone when dropped.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("conformance-{}-{number}.keytab", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.replace(bytes);
        file
    }

    /// As `ktutil` and every careful tool does: another file, renamed.
    pub(crate) fn replace(&self, bytes: &[u8]) {
        let fresh = self.0.with_extension("new");
        fs::write(&fresh, bytes).expect("writes");
        private(&fresh);
        fs::rename(&fresh, &self.0).expect("renames");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Of a test that has failed in between, too.
        for path in [
            self.0.clone(),
            self.0.with_extension("new"),
            self.0.with_extension("away"),
        ] {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("sets the mode");
}

#[cfg(not(unix))]
fn private(_: &Path) {}

pub(crate) const EVERY: Duration = Duration::from_millis(60);

fn watched<M: Mount>(bench: &Bench, file: &File) -> AcceptorConfig {
    let keytab = Keytab::open(&file.0).expect("opens").reload_every(EVERY);
    bench.builder_with::<M>(keytab).build().expect("builds")
}

fn admits(bench: &Bench, config: &AcceptorConfig, kvno: u32, label: &str) -> bool {
    let spec = to(bench, "HTTP", "web", kvno, key(label));
    Acceptor::new(config).step(&spec.token()).is_ok()
}

/// Waits for something that must come; how long at most is for a busy machine.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{what} has not come"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn warns(config: &AcceptorConfig, of: &str) -> bool {
    let warnings = config.describe().warnings;
    warnings.iter().any(|warning| warning.contains(of))
}

pub fn rule_42_a_changed_keytab_is_noticed<M: Mount>() {
    let bench = Bench::new();
    let (old, new) = (
        entry("HTTP", "web", 1, key("old")),
        entry("HTTP", "web", 2, key("new")),
    );
    let file = File::new(&simple(std::slice::from_ref(&old)));
    let config = watched::<M>(&bench, &file);
    assert!(admits(&bench, &config, 1, "old") && !admits(&bench, &config, 2, "new"));
    // Both, as a rotation has it.
    file.replace(&simple(&[old, new.clone()]));
    until("the new key", || admits(&bench, &config, 2, "new"));
    assert!(admits(&bench, &config, 1, "old"));
    // The old one is good for as long as the file has it.
    file.replace(&simple(&[new]));
    until("the end of the old key", || {
        !admits(&bench, &config, 1, "old")
    });
    assert!(admits(&bench, &config, 2, "new"));
    assert_eq!(config.describe().principals[0].keys[0].0, 2);
    assert!(config.describe().warnings.is_empty());
    // One that is not to be looked at again is not.
    let file = File::new(&simple(&[entry("HTTP", "web", 1, key("old"))]));
    let keytab = Keytab::open(&file.0).expect("opens").without_reload();
    let config = bench.builder_with::<M>(keytab).build().expect("builds");
    file.replace(&simple(&[entry("HTTP", "web", 2, key("new"))]));
    thread::sleep(EVERY * 3);
    assert!(admits(&bench, &config, 1, "old") && !admits(&bench, &config, 2, "new"));
}

pub fn rule_42_a_half_written_keytab_never_replaces<M: Mount>() {
    let bench = Bench::new();
    let old = simple(&[entry("HTTP", "web", 1, key("old"))]);
    let both = simple(&[
        entry("HTTP", "web", 1, key("old")),
        entry("HTTP", "web", 2, key("new")),
    ]);
    for (half, problem) in [
        (truncated(both.clone(), 3), "cut off"),
        (both[..2].to_vec(), "no entries"),
        (Vec::new(), "no entries"),
        (b"not a keytab".to_vec(), "not a keytab"),
    ] {
        let file = File::new(&old);
        let config = watched::<M>(&bench, &file);
        fs::write(&file.0, &half).expect("writes");
        until(problem, || warns(&config, problem));
        assert!(admits(&bench, &config, 1, "old"), "{problem}");
        // The warning stays for as long as the file does.
        thread::sleep(EVERY * 2);
        assert!(warns(&config, problem) && warns(&config, "stay in use"));
        fs::write(&file.0, &both).expect("writes");
        until("the whole file", || admits(&bench, &config, 2, "new"));
        until("the end of the warning", || {
            config.describe().warnings.is_empty()
        });
    }
}

pub fn rule_42_a_keytab_is_read_when_it_keeps_still<M: Mount>() {
    // Written in place, slowly: what is there after each entry is a keytab by itself, and lacks
    // the key that is in use. None of them is taken over before the writing has ended.
    // A change takes two looks, 2 s apart: the writing goes on under some of them, and must not
    // stand still that long, as it does where the machine does.
    let every = Duration::from_secs(4);
    let stood_still = Duration::from_millis(1500);
    let done = (0..8).any(|_| written_slowly::<M>(every, stood_still));
    assert!(done, "the machine stands still all the time");
}

/// False if the writing stood still for that long, which proves nothing.
fn written_slowly<M: Mount>(every: Duration, stood_still: Duration) -> bool {
    let bench = Bench::new();
    let old = entry("HTTP", "web", 1, key("old"));
    let file = File::new(&simple(std::slice::from_ref(&old)));
    let keytab = Keytab::open(&file.0).expect("opens").reload_every(every);
    let config = bench.builder_with::<M>(keytab).build().expect("builds");
    let others: Vec<Entry> = (0..150)
        .map(|n| entry("HTTP", "web", n + 2, key("new")))
        .collect();
    let began = Instant::now();
    let mut last = began;
    for written in 1..others.len() {
        fs::write(&file.0, simple(&others[..written])).expect("writes");
        let admitted = admits(&bench, &config, 1, "old");
        if last.elapsed() > stood_still {
            return false;
        }
        assert!(admitted, "after {written} entries");
        last = Instant::now();
        thread::sleep(Duration::from_millis(30));
    }
    assert!(began.elapsed() > every, "too fast: {:?}", began.elapsed());
    fs::write(&file.0, simple(&[&others[..], &[old]].concat())).expect("writes");
    until("the whole file", || admits(&bench, &config, 151, "new"));
    assert!(admits(&bench, &config, 1, "old"));
    true
}

pub fn rule_42_a_missing_keytab_keeps_keys<M: Mount>() {
    let bench = Bench::new();
    let bytes = simple(&[entry("HTTP", "web", 1, key("old"))]);
    let file = File::new(&bytes);
    let config = watched::<M>(&bench, &file);
    fs::rename(&file.0, file.0.with_extension("away")).expect("renames");
    until("the warning", || warns(&config, "no such file"));
    assert!(admits(&bench, &config, 1, "old"));
    fs::rename(file.0.with_extension("away"), &file.0).expect("renames");
    until("the end of the warning", || {
        config.describe().warnings.is_empty()
    });
    fs::remove_file(&file.0).expect("removes");
    until("the warning", || warns(&config, "no such file"));
    file.replace(&simple(&[entry("HTTP", "web", 2, key("new"))]));
    until("the new key", || admits(&bench, &config, 2, "new"));
}

#[cfg(unix)]
pub fn rule_42_world_readable_warns<M: Mount>() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let file = File::new(&simple(&[entry("HTTP", "web", 1, key("old"))]));
    assert!(!warns(&watched::<M>(&bench, &file), "every user"));
    fs::set_permissions(&file.0, fs::Permissions::from_mode(0o644)).expect("sets the mode");
    let config = watched::<M>(&bench, &file);
    assert!(warns(&config, "every user") && warns(&config, "chmod 0640"));
}

/// Who may read a file is told by no mode.
#[cfg(not(unix))]
pub fn rule_42_world_readable_warns<M: Mount>() {
    let bench = Bench::new();
    let file = File::new(&simple(&[entry("HTTP", "web", 1, key("old"))]));
    assert!(!warns(&watched::<M>(&bench, &file), "every user"));
}

fn tenants<M: Mount>(bench: &Bench, required: bool) -> (AcceptorConfig, Keytab) {
    let flag = Requirements::USE_SUPPLIED_CREDS;
    let builder = bench.builder::<M>().request(Requirements::EXTENDED_ERROR);
    let builder = if required {
        builder.require(flag)
    } else {
        builder.request(flag)
    };
    let tenant = keytab(&[entry("HTTP", "tenant", 1, key("tenant"))]);
    (builder.build().expect("builds"), tenant)
}

pub fn supplied_credentials_replace_the_configs<M: Mount>() {
    let bench = Bench::new();
    let (config, tenant) = tenants::<M>(&bench, true);
    let handle = config
        .acquire(&Credentials::from(tenant))
        .expect("acquires");
    let step = |spec: &ApReqSpec| {
        let token = spec.token();
        Acceptor::new(&config).step_with(StepInput::new(&token).credentials(&handle))
    };
    let own = to(&bench, "HTTP", "tenant", 1, key("tenant"));
    let context = done(step(&own)).context;
    let target = context.target().expect("a target").to_string();
    assert_eq!(target, "HTTP/tenant@EXAMPLE.TEST");
    // The configuration's keys are not tried, neither first nor last.
    let reason = rejection(step(&bench.world.ap_req()));
    assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
    // Required, they must be there.
    let failure = fails(Acceptor::new(&config).step(&own.token()));
    assert_eq!(failure.error().misuse(), Some(&Misuse::CredentialsNotGiven));
    // Requested, the configuration's are used without.
    let (config, _) = tenants::<M>(&bench, false);
    done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    // Those that another backend made are nobody's.
    let foreign = gss_acceptor::CredentialHandle::new(std::sync::Arc::new(1_u32));
    let token = own.token();
    let failure =
        fails(Acceptor::new(&config).step_with(StepInput::new(&token).credentials(&foreign)));
    assert_eq!(failure.error().misuse(), Some(&Misuse::ForeignCredentials));
    let nobody = Credentials::from(keytab(&[entry("HTTP", "x", 1, KitKey::seeded(1, "x", 23))]));
    let error = config.acquire(&nobody).expect_err("no usable key");
    assert!(
        matches!(
            error.unavailability(),
            Some(Unavailability::NoUsableKey { .. })
        ),
        "{error}"
    );
}

pub fn supplied_credentials_last_the_handshake<M: Mount>() {
    // Given with the first step, they hold for the second: neither a retry nor a negotiation
    // falls back to the configuration's.
    let bench = Bench::new();
    let (config, tenant) = tenants::<M>(&bench, true);
    let handle = config
        .acquire(&Credentials::from(tenant))
        .expect("acquires");
    let late = bench.ap_req(|a| {
        a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP", "tenant"]);
        (a.ticket.service_key, a.ticket.kvno) = (key("tenant"), Some(1));
        a.ctime -= 3600;
    });
    let own = to(&bench, "HTTP", "tenant", 1, key("tenant"));
    let wrapped = |spec: &ApReqSpec| {
        let token = Some(spec.token());
        Resp {
            token,
            ..Resp::default()
        }
        .encode()
    };
    let offer = InitSpec::new(&[oid::KRB5], None).token();
    let hints_then = |spec: &ApReqSpec| InitSpec::new(&[oid::KRB5], Some(spec.token())).token();
    type Then<'a> = &'a dyn Fn(&ApReqSpec) -> Vec<u8>;
    let flows: [(Vec<u8>, Then<'_>); 3] = [
        (late.token(), &ApReqSpec::token),
        (offer, &wrapped),
        (Vec::new(), &hints_then),
    ];
    for (first, then) in flows {
        let open = || {
            let mut acceptor = Acceptor::new(&config);
            goes_on(acceptor.step_with(StepInput::new(&first).credentials(&handle)));
            acceptor
        };
        done(open().step(&then(&own)));
        let reason = rejection(open().step(&then(&bench.world.ap_req())));
        assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
        // Others are not taken half-way.
        let token = then(&own);
        let failure = fails(open().step_with(StepInput::new(&token).credentials(&handle)));
        assert_eq!(
            failure.error().misuse(),
            Some(&Misuse::CredentialsNotExpected)
        );
    }
}

pub fn supplied_credentials_are_not_dropped<M: Mount>() {
    let bench = Bench::new();
    let (_, tenant) = tenants::<M>(&bench, true);
    let config = bench.config::<M>();
    let handle = config
        .acquire(&Credentials::from(tenant))
        .expect("acquires");
    let token = bench.world.ap_req().token();
    let failure =
        fails(Acceptor::new(&config).step_with(StepInput::new(&token).credentials(&handle)));
    assert_eq!(
        failure.error().misuse(),
        Some(&Misuse::CredentialsNotExpected)
    );
}

pub fn keytabs_that_cannot_be_used_are_told_apart<M: Mount>() {
    let bench = Bench::new();
    let problem = |error: &Error| match error.unavailability() {
        Some(Unavailability::Keytab { problem, .. }) => problem.clone(),
        _ => panic!("{error}"),
    };
    let build = |bytes: Vec<u8>| {
        let keytab = Keytab::from_bytes(bytes)?;
        bench.builder_with::<M>(keytab).build().map(drop)
    };
    let good = simple(&[entry("HTTP", "web", 1, key("x"))]);
    assert!(build(good.clone()).is_ok());
    let error = build(truncated(good.clone(), 1)).expect_err("truncated");
    assert!(
        matches!(problem(&error), KeytabProblem::Truncated(_)),
        "{error}"
    );
    assert_eq!(
        problem(&build(vec![5, 2]).expect_err("empty")),
        KeytabProblem::Empty
    );
    assert_eq!(
        problem(&build(vec![5, 3, 0]).expect_err("version")),
        KeytabProblem::Version(3)
    );
    let text = b"BEGIN PRIVATE KEY".to_vec();
    assert_eq!(
        problem(&build(text).expect_err("text")),
        KeytabProblem::NotAKeytab
    );
    let missing = Keytab::open("/nonexistent/http.keytab").expect_err("missing");
    assert_eq!(problem(&missing), KeytabProblem::Missing);
    assert!(missing.to_string().contains("/nonexistent/http.keytab"));
    // Entries, but none to be used here.
    let weak = simple(&[entry("HTTP", "web", 1, KitKey::seeded(1, "x", 23))]);
    let error = build(weak).expect_err("no usable key");
    assert!(
        matches!(
            error.unavailability(),
            Some(Unavailability::NoUsableKey { .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("rc4-hmac"), "{error}");
    // Both versions, holes and all.
    let item = || Item::Entry(entry("HTTP", "localhost", 259, bench.world.service_key(18)));
    for version in [Version::V1, Version::V2] {
        let bytes = write(version, &[Item::Hole(40), item(), Item::Hole(7)]);
        let keytab = Keytab::from_bytes(bytes).expect("a keytab");
        let config = bench.builder_with::<M>(keytab).build().expect("builds");
        done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    }
}
