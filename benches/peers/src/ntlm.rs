//! NTLM: a whole handshake on the server's side, both legs, in raw tokens. The client's work in
//! between is nobody's, and not counted.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use gss_acceptor::accounts::{MemoryAccounts, NtHash};
use gss_acceptor::backends::{GssapiLibrary, gssapi};
use gss_acceptor::{Acceptor, AcceptorConfig, Credentials, Mechanism, Ntlm, Step, backends};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::ntlm::{Authenticate, Challenge, HASH, av, flags, negotiate_with_names};
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};

use crate::timing::{Goal, Medians, ratio};

/// Handshakes in a round; rounds in turn.
const ROUND: usize = 100;
const ROUNDS: usize = 40;

fn ours() -> AcceptorConfig {
    let accounts =
        MemoryAccounts::new().domain_user("CORP", "bob", NtHash::from_password("Password"));
    AcceptorConfig::builder(backends::rust(Ntlm::new(accounts)))
        .mechanisms(&[Mechanism::Ntlm])
        .build()
        .expect("a configuration")
}

/// A file of users, gone when it is dropped.
struct Users(PathBuf);

impl Users {
    fn new() -> Self {
        let file = format!("gss-acceptor-peers-{}", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, "CORP:bob:Password\n").expect("a file");
        Self(path)
    }

    /// Under the same facade, which costs a microsecond of the hundreds.
    fn config(&self) -> AcceptorConfig {
        let backend = gssapi(Credentials::SystemDefault)
            .library(GssapiLibrary::Mit)
            .ntlm_user_file(&self.0);
        AcceptorConfig::builder(backend)
            .mechanisms(&[Mechanism::Ntlm])
            .build()
            .expect("a configuration")
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The nanoseconds that the server took for one handshake, and the client's last message.
fn handshake(config: &AcceptorConfig, negotiate: &[u8]) -> (f64, Vec<u8>) {
    let began = Instant::now();
    let mut acceptor = Acceptor::new(config);
    let first = acceptor.step(negotiate);
    let mut taken = began.elapsed();
    let Ok(Step::Continue { token }) = first else {
        panic!("no CHALLENGE: {first:?}");
    };
    let challenge = Challenge::read(&token).expect("a CHALLENGE");
    let mut answer = Authenticate::answer(negotiate, &challenge, "bob", "CORP");
    // gss-ntlmssp sends flags of its own among the pairs.
    answer.set(av::FLAGS, 2_u32.to_le_bytes().to_vec());
    let answer = answer.token();
    let began = Instant::now();
    match acceptor.step(&answer) {
        Ok(step @ Step::Established { .. }) => drop(black_box((acceptor, step))),
        other => panic!("not established: {other:?}"),
    }
    taken += began.elapsed();
    (taken.as_secs_f64() * 1e9, answer)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = <Hmac<Md5>>::new_from_slice(key).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The cryptography that no acceptor can do without (MS-NLMP 3.3.2, 3.4): the user's key, the
/// proof, the session key and its transport, the MIC; the keys and ciphers of both directions.
fn primitives(negotiate: &[u8], answer: &[u8]) {
    let user: Vec<u8> = "BOBCORP"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let key = hmac(black_box(&HASH), &[&user]);
    // The response is what the message has beside its header and names; the CHALLENGE is of the
    // NEGOTIATE's length and the response's pairs.
    let blob = &answer[100..];
    let proof = hmac(&key, &[&[7; 8], blob]);
    let base = hmac(&key, &[&proof]);
    let mut session = [9; 16];
    rc4(&base).apply_keystream(&mut session);
    black_box(hmac(&session, &[negotiate, blob, answer]));
    for direction in 0..2_u8 {
        let sign = Md5::new_with_prefix(session)
            .chain_update([direction; 59])
            .finalize();
        let seal = Md5::new_with_prefix(session)
            .chain_update([direction; 59])
            .finalize();
        black_box((sign, rc4(&seal.into())));
    }
}

fn rc4(key: &[u8; 16]) -> Rc4 {
    Rc4::new_from_slice(key).expect("16 bytes")
}

/// The NTLM table.
pub fn run() {
    let negotiate = negotiate_with_names(flags::SEALING, "CORP", "LAPTOP");
    let users = Users::new();
    let configs = [("gss-acceptor", ours()), ("gss-ntlmssp", users.config())];
    let mut taken = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut answer = Vec::new();
        for ((_, config), taken) in configs.iter().zip(&mut taken) {
            let mut all = 0.0;
            for _ in 0..ROUND {
                let (nanoseconds, token) = handshake(config, &negotiate);
                all += nanoseconds;
                answer = token;
            }
            taken.push(all / ROUND as f64);
        }
        let began = Instant::now();
        for _ in 0..ROUND {
            primitives(black_box(&negotiate), black_box(&answer));
        }
        taken[2].push(began.elapsed().as_secs_f64() * 1e9 / ROUND as f64);
    }
    let names = [
        "gss-acceptor",
        "gss-ntlmssp under gss-acceptor",
        "the primitives alone",
    ];
    let medians = Medians::new(names.into_iter().zip(taken).collect());
    let [own, theirs, floor] = names.map(|name| medians.of(name));
    medians.print("NTLM: both legs of a raw handshake that seals, NTLMv2 with a MIC");
    ratio("ntlm/floor", own / floor, Goal::AtMost(2.2));
    ratio("ntlm/gss-ntlmssp", theirs / own, Goal::AtLeast(30.0));
    ratio("ntlm-a-second", 1e9 / own, Goal::AtLeast(100_000.0));
}
