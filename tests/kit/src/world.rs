//! The small realm that every case plays in: one keytab, one client, one moment.

use crate::ap_req::ApReqSpec;
use crate::crypto::{AES_ETYPES, AES256_SHA1, DES3, KitKey, RC4};
use crate::keytab::{self, Entry};
use crate::ticket::{NT_SRV_HST, Name, TicketSpec};

/// The realm.
pub const REALM: &[u8] = b"EXAMPLE.TEST";
/// kvno of HTTP/localhost's current keys. Above 255, so that the 8-bit kvno is not enough.
pub const KVNO: u32 = 259;
/// kvno of its previous keys, which the keytab still has.
pub const OLD_KVNO: u32 = 258;
/// kvno of HTTP/rodc.localhost: an RODC's number in the upper 16 bits, the sign bit of int32 set
/// (rule 3).
pub const RODC_KVNO: u32 = 0x9abc_0001;

/// A realm at one moment. All keys follow from the seed.
#[derive(Clone, Debug)]
pub struct World {
    /// The time, unix seconds: the acceptor's clock must stand there.
    pub now: i64,
    /// etype of service key, session key and subkey of [`World::ap_req`].
    pub etype: i32,
    seed: u64,
}

impl World {
    /// A realm of AES-256 (etype 18).
    pub fn new(now: i64, seed: u64) -> Self {
        let etype = AES256_SHA1;
        Self { now, etype, seed }
    }

    /// The same realm, its client using another etype.
    pub fn with_etype(&self, etype: i32) -> Self {
        Self {
            etype,
            ..self.clone()
        }
    }

    /// A key of the service `HTTP/localhost` (current kvno).
    pub fn service_key(&self, etype: i32) -> KitKey {
        self.key("HTTP", etype)
    }

    /// Any other key, by label. `HTTP.old` and `host` are in the keytab.
    pub fn key(&self, label: &str, etype: i32) -> KitKey {
        KitKey::seeded(self.seed, label, etype)
    }

    /// The session key of the TGT that alice delegates.
    pub fn tgt_session(&self) -> KitKey {
        self.key("tgt-session", self.etype)
    }

    /// The keytab: HTTP/localhost with each AES etype, RC4 and 3DES at [`KVNO`] and the AES ones
    /// at [`OLD_KVNO`], host/localhost with etype 18 only, HTTP/rodc.localhost at [`RODC_KVNO`].
    pub fn entries(&self) -> Vec<Entry> {
        let http = Name::new(NT_SRV_HST, &["HTTP", "localhost"]);
        let host = Name::new(NT_SRV_HST, &["host", "localhost"]);
        let mut out = Vec::new();
        for etype in AES_ETYPES {
            let old = self.key("HTTP.old", etype);
            out.push(Entry::new(http.clone(), REALM, OLD_KVNO, old));
        }
        for etype in AES_ETYPES.into_iter().chain([RC4, DES3]) {
            out.push(Entry::new(
                http.clone(),
                REALM,
                KVNO,
                self.service_key(etype),
            ));
        }
        out.push(Entry::new(host, REALM, 1, self.key("host", AES256_SHA1)));
        let rodc = Name::new(NT_SRV_HST, &["HTTP", "rodc.localhost"]);
        out.push(Entry::new(
            rodc,
            REALM,
            RODC_KVNO,
            self.key("rodc", AES256_SHA1),
        ));
        out
    }

    /// The keytab's file.
    pub fn keytab(&self) -> Vec<u8> {
        keytab::simple(&self.entries())
    }

    /// alice's ticket for HTTP/localhost.
    pub fn ticket(&self) -> TicketSpec {
        let session = self.key("session", self.etype);
        TicketSpec::new(self.service_key(self.etype), KVNO, session, self.now)
    }

    /// alice's AP-REQ: mutual, no bindings, with a subkey.
    pub fn ap_req(&self) -> ApReqSpec {
        let subkey = self.key("subkey", self.etype);
        ApReqSpec::new(self.ticket(), Some(subkey), self.now)
    }
}
