//! What is looked at before the library sees a token.

use super::super::context::subkey;
use super::super::credentials::Purpose;
use super::super::ntlm;
use super::super::oid;
use super::super::token::{self, First};
use super::{AwaitToken, Leg, enabled};
use crate::error::{Error, EtypeUse, Rejection};
use crate::etype::EncryptionType;
use crate::mechanism::{Framing, Mechanism};

impl AwaitToken {
    /// Refuses what the library would take, or go on with, and should not.
    pub(super) fn look_at(&mut self, token: &[u8]) -> Result<(), Error> {
        if matches!(self.leg, Leg::Further | Leg::Retry) {
            if !token::well_formed(token) {
                return Err(Error::malformed("token", "it cannot be read in full", None));
            }
        } else {
            self.look_at_first(token)?;
        }
        if let Some(message) = token::ntlm(token) {
            return self.look_at_ntlm(message);
        }
        let Some(ap_req) = token::ap_req(token) else {
            return Ok(());
        };
        let (etype, session_etype) = (ap_req.etype, ap_req.session_etype);
        let user_to_user = ap_req.user_to_user;
        self.seen.push(ap_req);
        if user_to_user {
            return Err(Rejection::NoTgt.into());
        }
        // MIT holds session keys to a list, not the ticket's own; Heimdal none.
        self.permitted(EtypeUse::Ticket, etype)?;
        self.permitted(EtypeUse::SessionKey, session_etype)
    }

    fn look_at_first(&mut self, token: &[u8]) -> Result<(), Error> {
        let malformed = |part, problem| Err(Error::malformed(part, problem, None));
        let first = token::first(token);
        let settings = &self.shared.settings;
        let offered: Vec<&[u8]> = match first {
            First::Empty if self.leg == Leg::First => return Ok(()),
            First::Empty => return malformed("first token", "empty after our hints"),
            First::Unknown => return malformed("first token", "of no known mechanism"),
            First::BadFrame => return malformed("GSS token", "its frame is not exact"),
            First::BadOffer => return malformed("NegTokenInit", "it cannot be read"),
            First::NoApReq => return malformed("AP-REQ frame", "unknown token id"),
            First::UserToUser => return Err(Rejection::NoTgt.into()),
            First::Kerberos | First::Bare => vec![oid::KRB5],
            First::Ntlm => vec![oid::NTLM],
            First::Other(mech) => vec![mech],
            First::Offer(mechs) => {
                self.framing = Framing::Spnego;
                mechs
            }
        };
        self.offered = offered
            .iter()
            .take(16)
            .map(|mech| oid::name(mech))
            .collect();
        let mut chosen = offered.iter().filter(|mech| enabled(mech, settings));
        match chosen.next().and_then(|mech| oid::mechanism(mech)) {
            Some(Mechanism::Ntlm) => self.purpose = Purpose::Ntlm,
            Some(_) => self.purpose = Purpose::Kerberos,
            None => return Err(self.no_common().into()),
        }
        Ok(())
    }

    /// Rules 33 to 38, as far as messages show what they ask for.
    fn look_at_ntlm(&mut self, message: &[u8]) -> Result<(), Error> {
        let message = match ntlm::read(message)? {
            ntlm::Message::Negotiate => return Ok(()),
            ntlm::Message::Authenticate(message) => message,
        };
        // Rule 39: each challenge answers one.
        let Some(challenge) = self.challenge.take() else {
            return Err(Error::malformed("AUTHENTICATE", "out of turn", None));
        };
        self.logon = Some(challenge.check(&message)?);
        Ok(())
    }

    /// Rule 7.
    pub(super) fn permitted(&self, used_as: EtypeUse, etype: EncryptionType) -> Result<(), Error> {
        let permitted = &self.shared.settings.etypes;
        if permitted.contains(&etype) {
            return Ok(());
        }
        Err(Rejection::EtypeNotPermitted {
            used_as,
            etype,
            permitted: permitted.clone(),
        }
        .into())
    }

    /// Heimdal takes any subkey of the client's.
    pub(super) fn check_subkey(&self) -> Result<(), Error> {
        let Some((etype, length)) = subkey(&self.ctx) else {
            return Ok(());
        };
        self.permitted(EtypeUse::Subkey, etype)?;
        // RFC 3962 4, RFC 8009 3; RC4 (RFC 4757) has 16 as well.
        let due = match etype.0 {
            18 | 20 => 32,
            _ => 16,
        };
        if length == due {
            return Ok(());
        }
        Err(Error::malformed(
            "authenticator",
            "a subkey of another length",
            None,
        ))
    }
}
