//! What is allocated: for messages in place nothing, once their key is derived; for a handshake that
//! waits for its client, not much.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gss_acceptor::accounts::{MemoryAccounts, NtHash};
use gss_acceptor::testing::{ClientFlags, Realm};
use gss_acceptor::{
    Acceptor, AcceptorConfig, EncryptionType, Mechanism, Ntlm, Protection, Requirements, Step,
    backends,
};

struct Counting;

thread_local! {
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system's; a counter without a destructor is all that is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.with(|count| count.set(count.get() + 1));
        ALIVE.with(|bytes| bytes.set(bytes.get().wrapping_add(layout.size())));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALIVE.with(|bytes| bytes.set(bytes.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations this thread makes in `work`.
fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATED.with(Cell::get);
    std::hint::black_box(work());
    ALLOCATED.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| vec![0_u8; 64]), 1);
    assert_eq!(allocations(|| 1 + 1), 0);
}

#[test]
fn messages_in_place_allocate_nothing() {
    for etype in [
        EncryptionType::AES128_CTS_HMAC_SHA1_96,
        EncryptionType::AES256_CTS_HMAC_SHA1_96,
        EncryptionType::AES128_CTS_HMAC_SHA256_128,
        EncryptionType::AES256_CTS_HMAC_SHA384_192,
    ] {
        let realm = Realm::new("EXAMPLE.TEST");
        let service = realm
            .service_with_keys("HTTP/web.example.test", 1, &[etype])
            .expect("a service");
        let config = AcceptorConfig::builder(backends::rust(realm.keytab()))
            .request(Requirements::MUTUAL_AUTH)
            .build()
            .expect("a configuration");
        let (client, server) = service
            .client("alice")
            .etype(etype)
            .flags(ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH)
            .connect(&config)
            .expect("a context");
        for (protection, size) in [
            (Protection::Confidentiality, 64),
            (Protection::Confidentiality, 1 << 16),
            (Protection::Integrity, 64),
        ] {
            let sizes = server.sizes();
            let data = sizes.sealed_header..sizes.sealed_header + size;
            let mut buffer = vec![0x5A; data.end + sizes.sealed_trailer];
            let mut token = client.wrap(protection, &vec![0x5A; size]).expect("wrapped");
            let mut again = token.clone();
            let mut both = |token: &mut [u8]| {
                let range = server.wrap_in_place(protection, &mut buffer, data.clone());
                let opened = server.unwrap_in_place(token);
                (range.expect("wrapped"), opened.expect("unwrapped"))
            };
            // The first time derives the keys.
            let _ = both(&mut token);
            let count = allocations(|| both(&mut again));
            println!("RATIO allocations-{etype}-{protection:?}-{size} {count} <=0 ok");
            assert_eq!(count, 0, "{etype} {protection:?} {size}");
        }
    }
}

/// All that stays when the step has returned, and the acceptor itself: a kibibyte at the most.
#[test]
fn a_handshake_that_waits_is_small() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/web.example.test").expect("a service");
    let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("Password"));
    let config = AcceptorConfig::builder(backends::rust(realm.keytab()).and(Ntlm::new(accounts)))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .build()
        .expect("a configuration");
    let dce = service.client("alice").with(ClientFlags::DCE_STYLE);
    let raw = service.client("alice").with(ClientFlags::DCE_STYLE).raw();
    // What a client asks for that seals, without names (MS-NLMP 2.2.1.1).
    let ntlm = [
        b"NTLMSSP\0",
        &1_u32.to_le_bytes()[..],
        &0xE2_08_82_37_u32.to_le_bytes(),
    ];
    // What is derived once is there.
    let warm = Acceptor::new(&config).step(&dce.token().expect("a token"));
    drop(warm.expect("accepted"));
    for (what, token) in [
        ("hints", Vec::new()),
        ("NTLM", ntlm.concat()),
        ("DCE-style", dce.token().expect("a token")),
        ("DCE-style-raw", raw.token().expect("a token")),
    ] {
        let before = ALIVE.with(Cell::get);
        let mut acceptor = Acceptor::new(&config);
        match acceptor.step(&token) {
            Ok(step @ Step::Continue { .. }) => drop(step),
            other => panic!("{what} does not wait: {other:?}"),
        }
        let kept = ALIVE.with(Cell::get).wrapping_sub(before) + size_of_val(&acceptor);
        println!("RATIO half-open-{what}-bytes {kept} <=1023 ok");
        assert!(kept < 1024, "{what}: {kept} bytes");
        assert!(kept > size_of_val(&acceptor), "{what} is counted");
    }
}
