//! Against files that MIT krb5 wrote (tests/data/ccache/README.md), and what
//! nobody writes.

use super::{CredentialCache, KerberosCredential, TicketFlags};
use crate::error::{CcacheProblem, Error, Unavailability};
use crate::etype::EncryptionType;
use crate::secret::Secret;
use crate::time::{Utc, from_unix_seconds};

const V4: &[u8] = include_bytes!("../../tests/data/ccache/mit-v4");
const ADDRESSES: &[u8] = include_bytes!("../../tests/data/ccache/mit-v4-addresses");
const V3: &[u8] = include_bytes!("../../tests/data/ccache/mit-v3");

/// Server, begin, end, renewable until, flags: as klist prints them.
fn shown(credential: &KerberosCredential) -> [String; 5] {
    let letters = [
        (TicketFlags::FORWARDABLE, 'F'),
        (TicketFlags::RENEWABLE, 'R'),
        (TicketFlags::INITIAL, 'I'),
        (TicketFlags::PRE_AUTHENT, 'A'),
        (TicketFlags::TRANSITED_POLICY_CHECKED, 'T'),
    ];
    let set = letters
        .iter()
        .filter(|(flag, _)| credential.flags.contains(*flag));
    let start = credential.start_time.unwrap_or(credential.auth_time);
    [
        credential.server.to_string(),
        Utc(start).to_string(),
        Utc(credential.end_time).to_string(),
        credential
            .renew_till
            .map_or_else(String::new, |time| Utc(time).to_string()),
        set.map(|(_, letter)| letter).collect(),
    ]
}

fn problem(bytes: &[u8]) -> CcacheProblem {
    let error = CredentialCache::from_bytes(bytes).unwrap_err();
    match error.unavailability() {
        Some(Unavailability::Ccache { problem, .. }) => problem.clone(),
        _ => panic!("{error}"),
    }
}

#[test]
fn what_mit_wrote_reads_as_klist_prints_it() {
    let cache = CredentialCache::from_bytes(V4).unwrap();
    assert_eq!(cache.client().to_string(), "alice@EXAMPLE.TEST");
    let expected = |server: &str, flags: &str| {
        [
            format!("{server}@EXAMPLE.TEST"),
            "2026-11-22 22:17:57 UTC".into(),
            "2026-11-23 08:17:57 UTC".into(),
            "2026-11-24 22:17:57 UTC".into(),
            flags.into(),
        ]
    };
    let all: Vec<_> = cache.credentials().iter().map(shown).collect();
    assert_eq!(
        all,
        [
            expected("krbtgt/EXAMPLE.TEST", "FRIA"),
            expected("HTTP/localhost", "FRAT"),
            expected("host/localhost", "FRAT"),
            expected("bob", "FRAT"),
        ]
    );
    for credential in cache.credentials() {
        assert_eq!(&credential.client, cache.client());
        assert_eq!(credential.key_type(), EncryptionType(18));
        assert_eq!(credential.session_key().len(), 32);
        // RFC 4120 5.3: [APPLICATION 1].
        assert_eq!(credential.ticket[0], 0x61);
        // Only the user-to-user ticket is in another ticket's session key.
        let to_user = credential.server.to_string() == "bob@EXAMPLE.TEST";
        assert_eq!(credential.is_session_key, to_user);
        assert_eq!(credential.second_ticket.first() == Some(&0x61), to_user);
    }
    let tgt = cache.ticket_granting_ticket().unwrap();
    assert_eq!(tgt.server.to_string(), "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST");
}

#[test]
fn addresses_are_those_that_klist_prints() {
    let cache = CredentialCache::from_bytes(ADDRESSES).unwrap();
    let [tgt] = cache.credentials() else {
        panic!("{cache:?}");
    };
    let six = [[0xFD].as_slice(), &[0; 14], &[2]].concat();
    // RFC 4120 7.5.3: 2 is IPv4, 24 is IPv6.
    assert_eq!(tgt.addresses, [(2, vec![192, 0, 2, 2]), (24, six)]);
}

#[test]
fn version_three_says_the_key_s_type_twice() {
    let cache = CredentialCache::from_bytes(V3).unwrap();
    assert_eq!(cache.client().to_string(), "jürgen@EXAMPLE.TEST");
    let [tgt] = cache.credentials() else {
        panic!("{cache:?}");
    };
    assert_eq!(
        shown(tgt)[2..],
        ["2026-11-23 08:17:34 UTC", "2026-11-23 22:17:34 UTC", "RI"]
    );
    assert_eq!(
        (tgt.key_type(), tgt.session_key().len()),
        (EncryptionType(18), 32)
    );
}

/// MIT's own name and entries are found again, byte for byte.
#[test]
fn entries_are_written_as_mit_wrote_them() {
    let cache = CredentialCache::from_bytes(V4).unwrap();
    let bare = CredentialCache::new(cache.client().clone(), Vec::new());
    let bare = bare.to_bytes().unwrap();
    let name = &bare.expose()[4..];
    assert_eq!(bare.expose()[..4], [5, 4, 0, 0]);
    // MIT's header has twelve bytes more.
    assert!(V4[16..].starts_with(name));
    // MIT writes 8 for "in a session key", and reads whatever is not 0.
    let eight = [8, 0x40, 0xA9, 0, 0];
    let mut mit = V4.to_vec();
    let at = mit.windows(5).position(|at| at == eight).unwrap();
    mit[at] = 1;
    for credential in cache.credentials() {
        let one = CredentialCache::new(cache.client().clone(), vec![credential.clone()]);
        let one = one.to_bytes().unwrap();
        let entry = &one.expose()[bare.len()..];
        assert!(entry.len() > 300 && mit.windows(entry.len()).any(|at| at == entry));
    }
}

#[test]
fn removed_entries_are_left_out() {
    let mut file = ADDRESSES.to_vec();
    let cache = CredentialCache::from_bytes(&file).unwrap();
    let end = cache.credentials()[0].end_time;
    let end = u32::try_from(crate::time::unix_seconds(end))
        .unwrap()
        .to_be_bytes();
    let at = file.windows(4).rposition(|at| at == end).unwrap();
    // What MIT's krb5_cc_remove_cred leaves: authtime -1, endtime 0.
    file[at..at + 4].fill(0);
    file[at - 8..at - 4].fill(0xFF);
    assert_eq!(
        CredentialCache::from_bytes(&file)
            .unwrap()
            .credentials()
            .len(),
        0
    );
}

#[test]
fn what_is_no_cache_is_told_apart() {
    for (bytes, expected) in [
        (b"".as_slice(), CcacheProblem::Empty),
        (b"\x05", CcacheProblem::Truncated(1)),
        (b"\x05\x02", CcacheProblem::Version(2)),
        (b"\x05\x05", CcacheProblem::Version(5)),
        (b"[libdefaults]", CcacheProblem::NotACcache),
        (b"\x05\x04\0\x04\0\x01\0\x08", CcacheProblem::BadEntry(4)),
        (b"\x05\x04\0\x05\0\x01\0\x08", CcacheProblem::Truncated(2)),
        (b"\x05\x04\0\0", CcacheProblem::Truncated(4)),
        // Counts and lengths of four thousand millions.
        (
            b"\x05\x04\0\0\0\0\0\x01\xFF\xFF\xFF\xFF",
            CcacheProblem::Truncated(4),
        ),
        (
            b"\x05\x03\0\0\0\x01\0\0\0\0\xFF\xFF\xFF\xFF",
            CcacheProblem::Truncated(2),
        ),
    ] {
        assert_eq!(problem(bytes), expected, "{bytes:02x?}");
    }
    let missing = CredentialCache::open("/nonexistent/ccache").unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("'/nonexistent/ccache': no such file")
    );
    let directory = CredentialCache::open(std::env::temp_dir()).unwrap_err();
    assert!(directory.to_string().contains("a directory"));
}

/// A file that is being written, cut at every place: read whole, or an error.
#[test]
fn a_cache_cut_anywhere_is_an_error_or_has_fewer_entries() {
    let all = CredentialCache::from_bytes(V4).unwrap().credentials().len();
    for length in 0..V4.len() {
        match CredentialCache::from_bytes(&V4[..length]) {
            Ok(cache) => assert!(cache.credentials().len() < all, "{length}"),
            Err(Error::Unavailable { .. }) => {}
            Err(other) => panic!("{length}: {other}"),
        }
    }
}

#[test]
fn keys_are_not_printed() {
    let secret = Secret::copy_from(b"session key");
    let time = from_unix_seconds(0);
    let credential = KerberosCredential::new(
        "a@R".parse().unwrap(),
        "krbtgt/R@R".parse().unwrap(),
        (EncryptionType(18), secret),
        (time, time),
        b"ticket".to_vec(),
    );
    assert!(credential.is_ticket_granting());
    let cache = CredentialCache::new(credential.client.clone(), vec![credential]);
    let text = format!("{cache:?}");
    assert!(
        text.contains("krbtgt/R@R") && !text.contains("115, 101"),
        "{text}"
    );
    assert!(!text.contains("session key"), "{text}");
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let cache = CredentialCache::from_bytes(V3).unwrap();
    let mut credential = cache.credentials()[0].clone();
    credential.key_type = EncryptionType(70_000);
    let cache = CredentialCache::new(cache.client().clone(), vec![credential]);
    let error = cache.to_bytes().unwrap_err();
    assert!(error.to_string().contains("cannot hold"), "{error}");
}

#[cfg(unix)]
mod files {
    use super::{CredentialCache, V4};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ccache-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_written_cache_is_its_owner_s_alone_and_replaces_another() {
        let folder = Folder::new("mode");
        let path = folder.0.join("cc");
        fs::write(&path, "older, and readable by all").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let cache = CredentialCache::from_bytes(V4).unwrap();
        cache.write(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(fs::read(&path).unwrap(), cache.to_bytes().unwrap().expose());
        assert_eq!(folder.names(), ["cc"]);
    }

    /// Somebody else's link in a shared directory must not say where secrets
    /// go.
    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let folder = Folder::new("link");
        let (path, target) = (folder.0.join("cc"), folder.0.join("target"));
        fs::write(&target, "untouched").unwrap();
        symlink(&target, &path).unwrap();
        CredentialCache::from_bytes(V4)
            .unwrap()
            .write(&path)
            .unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"untouched");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = Folder::new("failed");
        let cache = CredentialCache::from_bytes(V4).unwrap();
        let error = cache.write(folder.0.join("missing/cc")).unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
        let error = cache.write(&folder.0).unwrap_err();
        assert!(error.to_string().contains("a directory"), "{error}");
        assert_eq!(folder.names(), [""; 0]);
    }
}
