//! Credentials that the client delegates (RFC 4121 4.1.1, RFC 4120 5.8; rule
//! 15). Nothing of it rejects a client: whether it must have delegated is the
//! policy's question.
//!
//! Stricter than MIT krb5 and Heimdal, which keep whatever decodes: the names
//! must be the client's own, every ticket valid now, and one of them a
//! ticket-granting one. No addresses, times or sequence numbers of the
//! KRB-CRED itself are looked at: it lies inside the authenticator, which is
//! bound to its moment and passes only once (rule 12).

use std::time::SystemTime;

use zeroize::Zeroizing;

use super::authenticator::{Asked, ReadClient};
use super::malformed;
use super::ticket::ReadTicket;
use crate::backends::Settings;
use crate::backends::rust::kerberos::codec::CodecError;
use crate::backends::rust::kerberos::codec::cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
use crate::backends::rust::kerberos::codec::messages::{EncTicketPart, Ticket};
use crate::backends::rust::kerberos::codec::parts::EncryptedData;
use crate::backends::rust::kerberos::codec::wire::{KerberosTime, List};
use crate::backends::rust::kerberos::crypto::Key;
use crate::ccache::{CredentialCache, KerberosCredential, TicketFlags};
use crate::delegation::Delegated;
use crate::error::{DelegationProblem, Error};
use crate::etype::EncryptionType;
use crate::facts::{DelegationFact, Facts};
use crate::name::Principal;
use crate::requirements::{Granted, Requirements};
use crate::secret::Secret;
use crate::time::from_unix_seconds;

/// Key usage of a KRB-CRED's encrypted part (RFC 4120 7.5.1).
const USAGE_KRB_CRED: u32 = 14;

/// The encrypted part is in the clear (RFC 6448): Heimdal's clients, and MIT
/// krb5's for long, rely on the authenticator's own encryption.
const NOT_ENCRYPTED: EncryptionType = EncryptionType(0);

/// Clients send one. A bound on what is kept for a stranger.
const MAX_TICKETS: usize = 8;

/// First component of a ticket-granting service (RFC 4120 7.3).
const KRBTGT: &[u8] = b"krbtgt";

/// What the checksum says of delegation.
#[derive(Clone, Copy)]
pub(super) enum Sent<'a> {
    Nothing,
    /// The flag without credentials.
    FlagAlone,
    /// A KRB-CRED.
    Credentials(&'a [u8]),
}

/// What came of it.
pub(super) struct Delegation {
    fact: DelegationFact,
    credentials: Option<Delegated>,
}

impl Delegation {
    /// Reads what the client sent, if the configuration asks for it. Secrets
    /// that nobody asked for are dropped unread, with the authenticator.
    pub(super) fn read(
        asked: &Asked<'_>,
        client: &ReadClient<'_>,
        ticket: &ReadTicket<'_>,
        now: SystemTime,
        settings: &Settings,
    ) -> Result<Self, Error> {
        if !settings.wants(Requirements::DELEGATE) {
            return Ok(Self {
                fact: DelegationFact::NotAsked,
                credentials: None,
            });
        }
        let read = match asked.delegation() {
            Sent::Nothing => Err(absent(ticket)),
            Sent::FlagAlone => Err(DelegationProblem::NotSent),
            Sent::Credentials(message) => {
                let keys = [client.subkey()?, Some(ticket.session.to_key())];
                let known = Known {
                    client: ticket.part.cname.in_realm(ticket.part.crealm),
                    authtime: ticket.part.authtime,
                    now,
                    settings,
                };
                known.read(message, keys.iter().flatten())
            }
        };
        Ok(match read {
            Ok(cache) => Self {
                fact: DelegationFact::Usable,
                credentials: Some(Delegated::Kerberos(cache)),
            },
            Err(problem) => Self {
                fact: DelegationFact::Unusable(Box::new(problem)),
                credentials: None,
            },
        })
    }

    /// Says it in the facts.
    pub(super) fn report(&self, facts: &mut Facts) {
        facts.delegation = self.fact.clone();
        facts
            .granted
            .set(Granted::DELEGATE, self.credentials.is_some());
    }

    /// The credentials, if they are usable.
    pub(super) fn into_credentials(self) -> Option<Delegated> {
        self.credentials
    }
}

/// The service ticket tells why a client that would like to delegate cannot.
fn absent(ticket: &ReadTicket<'_>) -> DelegationProblem {
    let has = |flag| ticket.part.flags.0 & flag != 0;
    DelegationProblem::Absent {
        forwardable: has(EncTicketPart::FORWARDABLE),
        ok_as_delegate: has(EncTicketPart::OK_AS_DELEGATE),
    }
}

/// What delegated credentials are held to.
struct Known<'s> {
    client: Principal,
    authtime: KerberosTime,
    now: SystemTime,
    settings: &'s Settings,
}

impl Known<'_> {
    fn read<'k>(
        &self,
        message: &[u8],
        keys: impl Iterator<Item = &'k Key>,
    ) -> Result<CredentialCache, DelegationProblem> {
        let cred = KrbCred::decode(message).map_err(unreadable)?;
        let plain = open(&cred.enc_part, keys)?;
        let part = EncKrbCredPart::decode(&plain).map_err(unreadable)?;
        let tickets = cred.ticket_bytes().map_err(unreadable)?;
        let count = part.ticket_info.iter().take(MAX_TICKETS + 1).count();
        if tickets.len() != count || count == 0 || count > MAX_TICKETS {
            return Err(bad(
                "KRB-CRED",
                "not one to eight tickets, each with its key",
            ));
        }
        let credentials = tickets
            .into_iter()
            .zip(part.ticket_info.iter())
            .map(|((ticket, bytes), info)| self.credential(&ticket, bytes, &info))
            .collect::<Result<Vec<_>, _>>()?;
        let gives_tickets = |credential: &KerberosCredential| {
            let mut name = credential.server.components();
            name.len() == 2 && name.next() == Some(KRBTGT)
        };
        if !credentials.iter().any(gives_tickets) {
            return Err(DelegationProblem::NoTicketGrantingTicket);
        }
        Ok(CredentialCache::new(self.client.clone(), credentials))
    }

    /// One ticket with what its client says of it.
    fn credential(
        &self,
        ticket: &Ticket<'_>,
        bytes: &[u8],
        info: &KrbCredInfo<'_>,
    ) -> Result<KerberosCredential, DelegationProblem> {
        self.check_client(info)?;
        if ticket.realm.0 == CredentialCache::CONFIGURATION {
            return Err(bad("Ticket", "in the realm of a cache's own settings"));
        }
        // The ticket's own name, which is what a KDC goes by.
        let server = ticket.sname.in_realm(ticket.realm);
        let end = info
            .endtime
            .ok_or_else(|| bad("KrbCredInfo", "no end of the ticket"))?;
        let time = |time: KerberosTime| from_unix_seconds(time.0);
        let authtime = info.authtime.or(info.starttime).unwrap_or(self.authtime);
        let etype = info.key.keytype;
        let key = Secret::copy_from(info.key.keyvalue.0);
        let expected = etype.key_length().unwrap_or(key.len());
        if key.is_empty() || key.len() != expected {
            return Err(DelegationProblem::SessionKey { server, etype });
        }
        let times = (time(authtime), time(end));
        let client = self.client.clone();
        let mut credential =
            KerberosCredential::new(client, server, (etype, key), times, bytes.to_vec());
        credential.start_time = info.starttime.map(time);
        credential.renew_till = info.renew_till.map(time);
        credential.flags = TicketFlags::from_bits_retain(info.flags.unwrap_or_default().0);
        for address in info.caddr.iter().flat_map(List::iter) {
            let kind = u16::try_from(address.addr_type)
                .map_err(|_| bad("KrbCredInfo", "an address of no type that there is"))?;
            credential
                .addresses
                .push((kind, address.address.0.to_vec()));
        }
        self.check_times(credential)
    }

    /// A name that is missing is the client's: RFC 4120 5.8.1 makes it
    /// optional. One that is there must not be another's.
    fn check_client(&self, info: &KrbCredInfo<'_>) -> Result<(), DelegationProblem> {
        let realm = info.prealm.map_or(self.client.realm(), |realm| realm.0);
        let same = info
            .pname
            .is_none_or(|name| name.components().eq(self.client.components()));
        if same && realm == self.client.realm() {
            return Ok(());
        }
        let components: Vec<&[u8]> = match &info.pname {
            Some(name) => name.components().collect(),
            None => self.client.components().collect(),
        };
        Err(DelegationProblem::ForeignClient {
            found: Principal::new(realm, &components, Principal::NT_PRINCIPAL),
            client: self.client.clone(),
        })
    }

    /// A KDC forgives a clock that is behind, and takes no ticket that has
    /// ended (RFC 4120 3.3.3.1).
    fn check_times(
        &self,
        credential: KerberosCredential,
    ) -> Result<KerberosCredential, DelegationProblem> {
        let now = self.now;
        let start = credential.start_time.unwrap_or(credential.auth_time);
        let server = &credential.server;
        if credential.end_time <= now {
            return Err(DelegationProblem::Expired {
                server: server.clone(),
                end: credential.end_time,
                now,
            });
        }
        let invalid = credential.flags.contains(TicketFlags::INVALID);
        if invalid || start > now + self.settings.clock_skew {
            let server = server.clone();
            return Err(DelegationProblem::NotYetValid { server, start });
        }
        Ok(credential)
    }
}

/// Opens the encrypted part with the first key of its type that fits.
fn open<'k>(
    sealed: &EncryptedData<'_>,
    keys: impl Iterator<Item = &'k Key>,
) -> Result<Zeroizing<Vec<u8>>, DelegationProblem> {
    let etype = sealed.etype;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.cipher.0.len()));
    if etype == NOT_ENCRYPTED {
        plain.extend_from_slice(sealed.cipher.0);
        return Ok(plain);
    }
    for key in keys.filter(|key| key.etype() == etype) {
        let cipher = key.usage_key(USAGE_KRB_CRED);
        let opened = cipher.decrypt_into(sealed.cipher.0, &mut plain);
        if let Ok(length) = opened.map(|part| part.len()) {
            let start = cipher.plaintext_at();
            plain.copy_within(start..start + length, 0);
            plain.truncate(length);
            return Ok(plain);
        }
    }
    Err(DelegationProblem::Undecipherable { etype })
}

fn bad(part: &'static str, problem: &'static str) -> DelegationProblem {
    DelegationProblem::Malformed {
        part,
        problem,
        offset: None,
    }
}

fn unreadable(error: Box<CodecError>) -> DelegationProblem {
    match malformed(error) {
        Error::Malformed {
            part,
            problem,
            offset,
            ..
        } => DelegationProblem::Malformed {
            part,
            problem,
            offset,
        },
        // `malformed` gives nothing else.
        _ => bad("KRB-CRED", "it cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::open;
    use crate::backends::rust::kerberos::codec::cred::{EncKrbCredPart, KrbCred};
    use crate::backends::rust::kerberos::crypto::Key;
    use crate::error::DelegationProblem;
    use crate::etype::EncryptionType;
    use crate::secret::Secret;

    /// What MIT krb5 1.20.1's client delegated in a realm of the interop
    /// tests that lived a minute, and that handshake's keys: the client's
    /// subkey and the ticket's session key.
    const KRB_CRED: &str = "\
        7682031530820311a003020105a103020116a28201c6308201c2618201be308201baa003020105a1\
        0e1b0c4558414d504c452e54455354a221301fa003020102a11830161b066b72627467741b0c4558\
        414d504c452e54455354a382017e3082017aa003020112a103020101a282016c048201688e9e93a2\
        e5af967929d308b48f935c8e2dc6b6b2c70d140250658fcab6edce88c06abdaec4bff20bc754a9c7\
        fcbbbdf3b07c728f36e1f1bc22ee565a7e50fd958092d72d3b8d01b027079d13457e74dbaa5e45d3\
        9b76e1cfcbb4fc67584e6c1bb965ebea33912e0a8479edfffa18ac81529cf0f457758f9aaa9d44d2\
        71117532856bd41312e1bb22c8fef7e01661cd48b95a643788bc6012e387eaf381159088ae1a9d8a\
        41f8124381b756cd5c8f2bfb43da903075b76a356d550b3c9bd8d0888d2e79ed184967839ecee926\
        68639a0bdcf1e66ea0a0a73ca0022728a980041ceec122e35cbed02be7bab67880162e5e7ee1f75b\
        1bce9858e67231f7e76d4ba93108ee2c15a0c84852307c345b1884277a9c3b510dccfea9718aa658\
        ad7a9a7a99f22c5d3cb40079f54da01079079a9be58e8f745127df843eaaa0b35aa49215d0311411\
        76573e286ed928e9864cbe5baa9738f4ca878a49c18e1668dadf833b7bf2561aff154ec6a3820139\
        30820135a003020112a282012c048201284d2e09d80712e2d4ad1adb6268139c58255f970a510e62\
        3c2595eeb38c231b0c42a7509b7e24c0ec3cecf12d535af4c16999de7594dd938439a21b355d31bb\
        9666a4c04cf570f4d3bfef84bf1b44a7d4695628e5be921cea9333fc9ee9f9ff0852e06778f39ba6\
        921c2536a37438300732bd32c7f9ee80479b0969d5452db982b7f6c4cde097f124df0e7e92a34a94\
        5e734768ded9599c7a0f40b1631f4684a16be7bc1faa90f9e023fb09fd8359091390e04e761768b5\
        9edce707ed0f9de05a12076fc5581c991368985c93c742c14ccf663f6108c1b1dd78f833de6876a2\
        cbf23277db01fc21a32d550f05e61cbbfd4256077f8d250e7036b9724015882841bd4e1a7b7ac48f\
        f9f83d2ed9518c2ff1ea92546a3d57ead9f0616d189075313dee64460a3262f009";
    const SUBKEY: &str = "6cacab7ed0b9d22d632772dbff6d1dedc13e11c20d3efef8a6be218772302e5d";
    const SESSION_KEY: &str = "6b6c3b4328c28d70ef138082f1041fa582a50f3f18a76febd85955c5dcf77555";

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    }

    fn key(text: &str) -> Key {
        Key::new(EncryptionType(18), Secret::from(hex(text))).unwrap()
    }

    #[test]
    fn what_mit_sealed_opens_under_the_session_key() {
        let message = hex(KRB_CRED);
        let cred = KrbCred::decode(&message).unwrap();
        let keys = [key(SUBKEY), key(SESSION_KEY)];
        let plain = open(&cred.enc_part, keys.iter()).unwrap();
        let part = EncKrbCredPart::decode(&plain).unwrap();
        let info = part.ticket_info.iter().next().unwrap();
        let alice = info.pname.unwrap().in_realm(info.prealm.unwrap());
        assert_eq!(alice.to_string(), "alice@EXAMPLE.TEST");
        let tgs = info.sname.unwrap().in_realm(info.srealm.unwrap());
        assert_eq!(tgs.to_string(), "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST");
        // Under no other one.
        let etype = EncryptionType(18);
        assert_eq!(
            open(&cred.enc_part, keys[..1].iter()).err(),
            Some(DelegationProblem::Undecipherable { etype })
        );
    }
}
