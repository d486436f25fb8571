//! What more a ticket says: how the client got here, and from where.

use super::Groups;
use crate::sid::Sid;

/// The services that a client was delegated through (S4U_DELEGATION_INFO,
/// MS-PAC 2.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DelegatedThrough {
    /// For which service the last of them asked.
    pub target: String,
    /// Which services have acted for the client, in order: each asked the KDC
    /// for a ticket in its name. Service principal names.
    pub services: Vec<String>,
}

impl DelegatedThrough {
    /// A list of services.
    #[must_use]
    pub fn new(target: String, services: Vec<String>) -> Self {
        Self { target, services }
    }
}

/// The client's device, in a compound ticket (PAC_DEVICE_INFO, MS-PAC 2.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// The device's account.
    pub device: Option<Sid>,
    /// Its primary group.
    pub primary_group: Option<Sid>,
    /// Its groups.
    pub groups: Groups,
}

/// Whether the client asked the KDC for a PAC (PAC_ATTRIBUTES_INFO, MS-PAC
/// 2.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacRequest {
    /// It did.
    AskedFor,
    /// It said nothing, and got one.
    Implicit,
    /// It asked for none.
    NotAskedFor,
}
