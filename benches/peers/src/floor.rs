//! The cryptography that no acceptor can do without, and nothing else: the same primitives that
//! the rust backend uses, on data of the same lengths, keys of the keytab derived beforehand.

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, Block, BlockCipherEncrypt as _, BlockModeDecrypt as _, BlockModeEncrypt as _,
    InnerIvInit as _, KeyInit as _,
};
use aes::{Aes128Enc, Aes256Dec, Aes256Enc};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::hint::black_box;

/// Ke and Ki of one usage, ready.
pub struct Opener {
    aes: Aes256Dec,
    tag: Hmac<Sha1>,
}

/// The same for sending.
pub struct Sealer {
    aes: Aes256Enc,
    tag: Hmac<Sha1>,
}

/// DK of RFC 3961 5.1, twice: four blocks, two schedules, one keyed HMAC.
fn derive(base: &Aes256Enc) -> ([u8; 32], Hmac<Sha1>) {
    let mut keys = [[0; 32]; 2];
    for (constant, key) in keys.iter_mut().enumerate() {
        let mut block = Block::<Aes256Enc>::from([constant as u8; 16]);
        for piece in key.chunks_exact_mut(16) {
            base.encrypt_block(&mut block);
            piece.copy_from_slice(&block);
        }
    }
    (
        keys[0],
        <Hmac<Sha1>>::new_from_slice(&keys[1]).expect("any length"),
    )
}

impl Opener {
    pub fn derive(session: &[u8; 32]) -> Self {
        let (key, tag) = derive(&Aes256Enc::new(session.into()));
        let aes = Aes256Dec::new(&key.into());
        Self { aes, tag }
    }

    /// CBC and HMAC over `text`, as a ciphertext of that length takes.
    pub fn open(&self, text: &mut [u8]) -> [u8; 12] {
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(text);
        cbc::Decryptor::inner_iv_init(&self.aes, &Array::default()).decrypt_blocks(blocks);
        tag(&self.tag, text)
    }
}

impl Sealer {
    pub fn derive(session: &[u8; 32]) -> Self {
        let (key, tag) = derive(&Aes256Enc::new(session.into()));
        let aes = Aes256Enc::new(&key.into());
        Self { aes, tag }
    }

    pub fn seal(&self, text: &mut [u8]) -> [u8; 12] {
        let tag = tag(&self.tag, text);
        encrypt(&self.aes, text);
        tag
    }
}

/// CBC alone.
pub fn encrypt(aes: &Aes256Enc, text: &mut [u8]) {
    let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(text);
    cbc::Encryptor::inner_iv_init(aes, &Array::default()).encrypt_blocks(blocks);
}

/// The same with the shorter key.
pub fn encrypt128(aes: &Aes128Enc, text: &mut [u8]) {
    let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(text);
    cbc::Encryptor::inner_iv_init(aes, &Array::default()).encrypt_blocks(blocks);
}

/// HMAC alone.
pub fn tag<M: Mac + Clone>(keyed: &M, text: &[u8]) -> [u8; 12] {
    let full = keyed.clone().chain_update(text).finalize().into_bytes();
    let mut tag = [0; 12];
    tag.copy_from_slice(&full[..12]);
    tag
}

/// An AP-REQ with a ticket and an authenticator of these lengths, a PAC of this length whose
/// signature is checked; with a reply of this length.
pub struct Accept {
    service: Opener,
    pac_key: Hmac<Sha1>,
    pac: Vec<u8>,
    ticket: Vec<u8>,
    authenticator: Vec<u8>,
    reply: Vec<u8>,
}

impl Accept {
    pub fn new([ticket, authenticator]: [usize; 2], pac: usize, reply: usize) -> Self {
        Self {
            service: Opener::derive(&[7; 32]),
            pac_key: derive(&Aes256Enc::new(&[8; 32].into())).1,
            pac: vec![4; pac],
            ticket: vec![1; ticket],
            authenticator: vec![2; authenticator],
            reply: vec![3; reply],
        }
    }

    pub fn run(&mut self) {
        black_box(self.service.open(black_box(&mut self.ticket)));
        if !self.pac.is_empty() {
            black_box(tag(&self.pac_key, black_box(&self.pac)));
        }
        // The session key is the ticket's, and another for each.
        let mut session = [0; 32];
        session.copy_from_slice(&self.ticket[16..48]);
        let authenticator = Opener::derive(&session);
        black_box(authenticator.open(black_box(&mut self.authenticator)));
        if !self.reply.is_empty() {
            let reply = Sealer::derive(&session);
            black_box(reply.seal(black_box(&mut self.reply)));
        }
    }
}

/// A schedule of AES-256.
pub fn aes() -> Aes256Enc {
    Aes256Enc::new(&[5; 32].into())
}
