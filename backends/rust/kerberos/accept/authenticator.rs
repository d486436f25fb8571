//! The authenticator: that the client owns the ticket, and what it asks for.

use std::time::{Duration, SystemTime};

use super::checks::compare_bindings;
use super::delegation::Sent;
use super::ticket::{ReadTicket, SealedIn};
use super::{MAX_TAG, Style, malformed};
use crate::backends::Settings;
use crate::backends::rust::kerberos::codec::authdata::{self, ad_type};
use crate::backends::rust::kerberos::codec::checksum::{GSS_CHECKSUM, GssChecksum, flags};
use crate::backends::rust::kerberos::codec::messages::{ApReq, Authenticator, EncTicketPart};
use crate::backends::rust::kerberos::crypto::Key;
use crate::channel_bindings::ChannelBindings;
use crate::error::{Error, EtypeUse, Rejection};
use crate::etype::EncryptionType;
use crate::facts::{BindingFact, ClientTarget, Facts, TargetSource};
use crate::mechanism::{Framing, Mechanism};
use crate::name::Name;
use crate::replay::ReplayPurpose;
use crate::requirements::{Granted, Requirements};
use crate::time::{Expiry, from_unix_seconds};

/// Key usages (RFC 4120 7.5.1).
const USAGE_CHECKSUM: u32 = 10;
const USAGE_AUTHENTICATOR: u32 = 11;

/// A decrypted authenticator.
pub(super) struct Authenticated<'a> {
    plain: &'a [u8],
    tag: ([u8; MAX_TAG], usize),
}

impl<'a> Authenticated<'a> {
    /// Opens it with the ticket's session key, in `room`, which holds its
    /// ciphertext.
    #[inline]
    pub(super) fn open(
        request: &ApReq<'_>,
        ticket: &ReadTicket<'_>,
        room: &'a mut [u8],
        settings: &Settings,
    ) -> Result<Self, Error> {
        let sealed = &request.authenticator;
        if sealed.etype != ticket.session.etype() {
            // RFC 4120 5.5.1: it is encrypted in the session key, whose type
            // the ticket gives; another one cannot open.
            return Err(Rejection::Authenticator.into());
        }
        debug_assert!(settings.etypes.contains(&sealed.etype));
        let key = ticket.session;
        let mut tag = [0; MAX_TAG];
        let Some(sent) = key.tag(sealed.cipher.0) else {
            return Err(Rejection::Authenticator.into());
        };
        for (to, from) in tag.iter_mut().zip(sent) {
            *to = *from;
        }
        let length = sent.len().min(MAX_TAG);
        // What is between this and the check takes longer than another
        // processor to hand over what it needs.
        settings.replay.prepare(ReplayPurpose::Authenticator, sent);
        let plain = key
            .decrypt_once(USAGE_AUTHENTICATOR, room)
            .map_err(|_| Rejection::Authenticator)?;
        Ok(Self {
            plain,
            tag: (tag, length),
        })
    }

    /// Decodes what was decrypted.
    #[inline]
    pub(super) fn decode(&self) -> Result<Authenticator<'a>, Error> {
        Authenticator::decode(self.plain).map_err(malformed)
    }

    /// The client, of whose authenticator `part` was decoded: holds it to the
    /// ticket (rule 8).
    #[inline]
    pub(super) fn read(
        self,
        part: &'a Authenticator<'a>,
        ticket: &ReadTicket<'_>,
    ) -> Result<ReadClient<'a>, Error> {
        if !part.cname.same_components(&ticket.part.cname) || part.crealm.0 != ticket.part.crealm.0
        {
            return Err(Rejection::ClientMismatch {
                ticket: ticket.part.cname.in_realm(ticket.part.crealm),
                authenticator: part.cname.in_realm(part.crealm),
            }
            .into());
        }
        let extras = Extras::read(part)?;
        Ok(ReadClient {
            part,
            extras,
            tag: self.tag,
        })
    }
}

/// An authenticator that is the ticket's client's.
pub(super) struct ReadClient<'a> {
    pub(super) part: &'a Authenticator<'a>,
    extras: Extras,
    tag: ([u8; MAX_TAG], usize),
}

impl ReadClient<'_> {
    pub(super) fn tag(&self) -> ([u8; MAX_TAG], usize) {
        self.tag
    }

    pub(super) fn ctime(&self) -> SystemTime {
        from_unix_seconds(self.part.ctime.0) + Duration::from_micros(self.part.cusec.into())
    }

    /// Rule 7: the client's subkey is held to the list too.
    pub(super) fn check_subkey(&self, settings: &Settings) -> Result<(), Error> {
        match self.part.subkey {
            Some(subkey) if !settings.etypes.contains(&subkey.keytype) => {
                Err(Rejection::EtypeNotPermitted {
                    used_as: EtypeUse::Subkey,
                    etype: subkey.keytype,
                    permitted: settings.etypes.clone(),
                }
                .into())
            }
            _ => Ok(()),
        }
    }

    /// The client's subkey, if it sent one.
    pub(super) fn subkey(&self) -> Result<Option<Key>, Error> {
        self.part
            .subkey
            .map(|subkey| {
                Key::copy_from(subkey.keytype, subkey.keyvalue.0).map_err(|_| {
                    Error::malformed("Authenticator", "a subkey of the wrong length", None)
                })
            })
            .transpose()
    }

    /// Rule 14: the first type of ours among those that the client lists,
    /// its subkey's and the session key's: never weaker than what there is.
    pub(super) fn negotiate_etype(
        &self,
        session: EncryptionType,
        permitted: &[EncryptionType],
    ) -> EncryptionType {
        let subkey = self.part.subkey.map(|subkey| subkey.keytype);
        let offered = |etype: &EncryptionType| {
            *etype == session || Some(*etype) == subkey || self.extras.etypes.contains(etype)
        };
        permitted
            .iter()
            .copied()
            .find(offered)
            .unwrap_or(subkey.unwrap_or(session))
    }
}

/// What a client adds to its authenticator. It is the client's word alone: a
/// PAC in here says nothing (rule 14).
#[derive(Default)]
struct Extras {
    options: Option<u32>,
    target: Option<String>,
    etypes: Vec<EncryptionType>,
}

impl Extras {
    fn read(part: &Authenticator<'_>) -> Result<Self, Error> {
        let mut extras = Self::default();
        let Some(list) = &part.authorization_data else {
            return Ok(extras);
        };
        for found in authdata::walk(list) {
            let found = found.map_err(malformed)?;
            match found.ad_type {
                ad_type::AP_OPTIONS => {
                    let options = authdata::ap_options(found.data).map_err(malformed)?;
                    if extras.options.replace(options).is_some() {
                        return Err(Error::malformed(
                            "Authenticator",
                            "KERB_AP_OPTIONS twice",
                            None,
                        ));
                    }
                }
                ad_type::CLIENT_TARGET => {
                    // What cannot be read must not pass for "none given".
                    let text = authdata::client_target(found.data);
                    extras.target = Some(text.unwrap_or_else(|| "\u{FFFD}".into()));
                }
                ad_type::ETYPE_NEGOTIATION => {
                    let list = authdata::etype_list(found.data).map_err(malformed)?;
                    extras.etypes = list.iter().take(MAX_ETYPES).collect();
                }
                _ => {}
            }
        }
        Ok(extras)
    }

    fn has(&self, option: u32) -> bool {
        self.options.is_some_and(|options| options & option != 0)
    }
}

/// Clients list at most a dozen.
const MAX_ETYPES: usize = 64;

/// What the client asks for, in its checksum and its options (rules 13, 15,
/// 16).
pub(super) struct Asked<'a> {
    gss_flags: u32,
    bindings: BindingFact,
    reply: WantsReply,
    delegation: Sent<'a>,
}

/// Whether the client awaits an AP-REP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WantsReply {
    Yes,
    No,
}

impl<'a> Asked<'a> {
    pub(super) fn read(
        client: &ReadClient<'a>,
        request: &ApReq<'_>,
        ticket: &ReadTicket<'_>,
        own: Option<&ChannelBindings>,
    ) -> Result<Self, Error> {
        let promised = client.extras.has(authdata::AP_OPTIONS_CBT);
        let option = request.ap_options.0 & ApReq::MUTUAL_REQUIRED != 0;
        let wants = |yes| if yes { WantsReply::Yes } else { WantsReply::No };
        let mut delegation = Sent::Nothing;
        let (gss_flags, sent, reply) = match client.part.cksum {
            // MS-KILE 3.4.5: accepted, with nothing asked for.
            None => (0, [0; 16], WantsReply::No),
            Some(checksum) if checksum.cksumtype == GSS_CHECKSUM => {
                let body = GssChecksum::parse(checksum.checksum.0).map_err(malformed)?;
                // DCE style implies it, said or not (rule 20).
                let mutual = body.flags & (flags::MUTUAL | flags::DCE_STYLE) != 0;
                delegation = match body.delegation {
                    Some(message) => Sent::Credentials(message),
                    None if body.flags & flags::DELEG != 0 => Sent::FlagAlone,
                    None => Sent::Nothing,
                };
                (body.flags & KNOWN_FLAGS, body.bindings, wants(mutual))
            }
            Some(checksum) => {
                let key = ticket.session.checksum_key(USAGE_CHECKSUM);
                let kind = checksum.cksumtype;
                let expected = key.checksum_type();
                if kind != expected || key.verify(&[], checksum.checksum.0).is_err() {
                    return Err(Rejection::Checksum { kind, expected }.into());
                }
                (flags::REPLAY | flags::SEQUENCE, [0; 16], wants(option))
            }
        };
        Ok(Self {
            gss_flags,
            bindings: compare_bindings(sent, promised, own),
            reply,
            delegation,
        })
    }

    /// What the client delegates, not yet read.
    pub(super) fn delegation(&self) -> Sent<'a> {
        self.delegation
    }

    pub(super) fn mutual(&self) -> bool {
        self.reply == WantsReply::Yes
    }

    /// How a client that asks for this sends its tokens (rule 1).
    pub(super) fn style(&self) -> Style {
        match self.gss_flags & flags::DCE_STYLE {
            0 => Style::Framed,
            _ => Style::Bare,
        }
    }

    /// The facts of the handshake, as they will be once it is answered.
    pub(super) fn facts(
        &self,
        client: &ReadClient<'_>,
        ticket: &ReadTicket<'_>,
        settings: &Settings,
        framing: Framing,
    ) -> Box<Facts> {
        let client_name = ticket.part.cname.in_realm(ticket.part.crealm);
        // RFC 6112 3 has both, the flag and the name; either says that there
        // is nobody to name.
        let flagged = ticket.part.flags.0 & EncTicketPart::ANONYMOUS != 0;
        let anonymous = flagged || client_name.is_anonymous();
        let peer = if anonymous {
            Name::Anonymous
        } else {
            Name::Kerberos(client_name)
        };
        let expiry = Expiry::At(from_unix_seconds(ticket.part.endtime.0));
        let mut facts = Box::new(Facts::new(Mechanism::Kerberos, peer, expiry));
        facts.framing = framing;
        facts.target = Some(ticket.target.clone());
        facts.client_target = client.extras.target.as_ref().map(|name| ClientTarget {
            name: name.clone(),
            source: if client.extras.has(authdata::AP_OPTIONS_UNVERIFIED_TARGET) {
                TargetSource::Untrusted
            } else {
                TargetSource::Trusted
            },
        });
        facts.bindings = self.bindings;
        facts.granted = self.granted(settings);
        if anonymous {
            facts.granted |= Granted::NULL_SESSION;
        }
        let user_to_user = ticket.sealed_in == SealedIn::TgtSessionKey;
        facts.granted.set(Granted::USE_SESSION_KEY, user_to_user);
        facts
    }

    fn granted(&self, settings: &Settings) -> Granted {
        let mut granted = Granted::empty();
        for (flag, means) in [
            (flags::REPLAY, Granted::REPLAY_DETECT),
            (flags::SEQUENCE, Granted::SEQUENCE_DETECT),
            (flags::CONF, Granted::CONFIDENTIALITY),
            (flags::INTEG, Granted::INTEGRITY),
            (flags::IDENTIFY, Granted::IDENTIFY),
            // Nobody hears of it before the client's third leg.
            (flags::DCE_STYLE, Granted::USED_DCE_STYLE),
        ] {
            granted.set(means, self.gss_flags & flag != 0);
        }
        granted.set(Granted::MUTUAL_AUTH, self.mutual());
        for (wish, means) in [
            (Requirements::CONNECTION, Granted::CONNECTION),
            (Requirements::DATAGRAM, Granted::DATAGRAM),
            (Requirements::STREAM, Granted::STREAM),
            (Requirements::EXTENDED_ERROR, Granted::EXTENDED_ERROR),
            (Requirements::ALLOCATE_MEMORY, Granted::ALLOCATED_MEMORY),
        ] {
            granted.set(means, settings.wants(wish));
        }
        // A channel that loses and reorders has no sequence to watch.
        if granted.contains(Granted::DATAGRAM) {
            granted.remove(Granted::SEQUENCE_DETECT);
        }
        granted
    }
}

/// The flags that mean something here (rule 15).
const KNOWN_FLAGS: u32 = flags::DELEG
    | flags::MUTUAL
    | flags::REPLAY
    | flags::SEQUENCE
    | flags::CONF
    | flags::INTEG
    | flags::DCE_STYLE
    | flags::IDENTIFY
    | flags::EXTENDED_ERROR;
