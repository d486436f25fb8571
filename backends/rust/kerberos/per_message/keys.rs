//! The derived keys of a context, each made when it is first needed.

use std::sync::OnceLock;

use super::super::crypto::{ChecksumKey, Key, UsageKey};
use super::Role;

/// The key usages of RFC 4121 2, by who sends. Wrap has one for both of its
/// forms, with and without encryption.
const fn seal_usage(sender: Role) -> u32 {
    match sender {
        Role::Acceptor => 22,
        Role::Initiator => 24,
    }
}

/// Of MIC tokens.
const fn sign_usage(sender: Role) -> u32 {
    match sender {
        Role::Acceptor => 23,
        Role::Initiator => 25,
    }
}

/// Boxed, so that a context that uses none of them stays small.
pub(super) struct Keys {
    key: Key,
    role: Role,
    seal: OnceLock<Box<UsageKey>>,
    peer_seal: OnceLock<Box<UsageKey>>,
    seal_checksum: OnceLock<Box<ChecksumKey>>,
    peer_seal_checksum: OnceLock<Box<ChecksumKey>>,
    mic: OnceLock<Box<ChecksumKey>>,
    peer_mic: OnceLock<Box<ChecksumKey>>,
}

impl Keys {
    pub(super) const fn new(key: Key, role: Role) -> Self {
        Self {
            key,
            role,
            seal: OnceLock::new(),
            peer_seal: OnceLock::new(),
            seal_checksum: OnceLock::new(),
            peer_seal_checksum: OnceLock::new(),
            mic: OnceLock::new(),
            peer_mic: OnceLock::new(),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn mac_len(&self) -> usize {
        self.key.mac_len()
    }

    pub(super) fn confounder_len(&self) -> usize {
        self.key.confounder_len()
    }

    /// Encrypts what we wrap.
    pub(super) fn seal(&self) -> &UsageKey {
        self.usage_key(&self.seal, self.role)
    }

    /// Decrypts what the peer wrapped.
    pub(super) fn peer_seal(&self) -> &UsageKey {
        self.usage_key(&self.peer_seal, self.role.peer())
    }

    /// Signs what we wrap in the clear.
    pub(super) fn seal_checksum(&self) -> &ChecksumKey {
        self.checksum_key(&self.seal_checksum, seal_usage(self.role))
    }

    /// Verifies what the peer wrapped in the clear.
    pub(super) fn peer_seal_checksum(&self) -> &ChecksumKey {
        self.checksum_key(&self.peer_seal_checksum, seal_usage(self.role.peer()))
    }

    /// Makes our MICs.
    pub(super) fn mic(&self) -> &ChecksumKey {
        self.checksum_key(&self.mic, sign_usage(self.role))
    }

    /// Verifies the peer's MICs.
    pub(super) fn peer_mic(&self) -> &ChecksumKey {
        self.checksum_key(&self.peer_mic, sign_usage(self.role.peer()))
    }

    fn usage_key<'a>(&self, cell: &'a OnceLock<Box<UsageKey>>, sender: Role) -> &'a UsageKey {
        cell.get_or_init(|| Box::new(self.key.usage_key(seal_usage(sender))))
    }

    fn checksum_key<'a>(
        &self,
        cell: &'a OnceLock<Box<ChecksumKey>>,
        usage: u32,
    ) -> &'a ChecksumKey {
        cell.get_or_init(|| Box::new(self.key.checksum_key(usage)))
    }
}
