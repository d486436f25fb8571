//! What the library found out, as facts.

use std::time::{Duration, SystemTime};

use super::super::context::sys::{Accepted, Asked, Inquired};
use super::super::credentials::Purpose;
use super::super::delegation::{self, Wanted};
use super::super::granted::{flag, granted};
use super::super::sys::{Flavour, Status};
use super::super::{authorization, names, oid, status};
use super::{AwaitToken, Bindings, FRAME_AND_STYLE};
use crate::ccache::TicketFlags;
use crate::channel_bindings::ChannelBindings;
use crate::delegation::Delegated;
use crate::error::{Error, Rejection};
use crate::facts::{AuthorizationFact, BindingFact, ExpiryPrecision, Facts};
use crate::mechanism::Mechanism;
use crate::name::{Name, Principal};
use crate::requirements::{Granted, Requirements};
use crate::time::Expiry;

impl AwaitToken {
    pub(super) fn facts(
        &self,
        accepted: &Accepted,
        given: Option<&ChannelBindings>,
        now: SystemTime,
    ) -> Result<(Facts, Option<Delegated>), Error> {
        let settings = &self.shared.settings;
        let known = self.inquired(accepted);
        let known = known.map_err(|status| status::of_step(&status, &self.known(now)))?;
        let mechanism = oid::mechanism(&known.mech)
            .filter(|mechanism| settings.mechanisms.contains(mechanism))
            .ok_or_else(|| self.no_common())?;
        if mechanism == Mechanism::Ntlm {
            return Ok((self.ntlm(&known, accepted, given)?, None));
        }
        let dce = accepted.flags & flag::DCE_STYLE != 0;
        if self.seen.last().is_some_and(|ap_req| ap_req.bare != dce) {
            return Err(Error::malformed("AP-REQ", FRAME_AND_STYLE, None));
        }
        if self.shared.gss.flavour == Flavour::Heimdal {
            self.check_subkey()?;
        }
        let peer = self.peer(&known, accepted)?;
        let lifetime = accepted.lifetime.min(known.lifetime);
        let expiry = match lifetime {
            u32::MAX => Expiry::Never,
            seconds => Expiry::At(now + seconds_of(seconds)),
        };
        let mut facts = Facts::new(mechanism, peer, expiry);
        facts.framing = self.framing;
        facts.expiry_precision = ExpiryPrecision::UpperBound;
        facts.granted = granted(accepted.flags, settings);
        if facts.peer == Name::Anonymous {
            facts.granted |= Granted::NULL_SESSION;
        }
        facts.bindings = self.bindings(accepted.flags);
        facts.target = match self.own_target() {
            Some(target) => Some(target.clone()),
            None => self.target(known.target.as_deref(), now)?,
        };
        let delegated = self.delegated(accepted, &mut facts, now);
        Ok((facts, delegated))
    }

    /// What the library has not said yet, and no more: it makes each name
    /// anew, in each of its layers, and that takes as long as a decryption.
    fn inquired(&self, accepted: &Accepted) -> Result<Inquired, Status> {
        let ntlm = self.purpose == Purpose::Ntlm;
        let asked = Asked {
            peer: !ntlm && accepted.peer.is_none(),
            text: ntlm,
            target: !ntlm && self.own_target().is_none(),
        };
        if asked == Asked::NOTHING && !accepted.mech.is_empty() {
            return Ok(Inquired {
                peer: accepted.peer.clone(),
                peer_text: None,
                target: None,
                mech: accepted.mech.clone(),
                lifetime: accepted.lifetime,
            });
        }
        let inquired = self.ctx.inquire(asked)?;
        Ok(Inquired {
            peer: accepted.peer.clone().or(inquired.peer),
            ..inquired
        })
    }

    /// The service that the ticket is for, where whichever key has opened it
    /// is that service's.
    fn own_target(&self) -> Option<&Principal> {
        let ap_req = self.seen.last()?;
        let service = &ap_req.service;
        self.keys.opens_as(service, ap_req.etype).then_some(service)
    }

    /// What NTLM's facts are is in its messages; the library vouches for them.
    fn ntlm(
        &self,
        known: &Inquired,
        accepted: &Accepted,
        given: Option<&ChannelBindings>,
    ) -> Result<Facts, Error> {
        let unread = || Error::malformed("client's name", "it cannot be read", None);
        let logon = self.logon.as_ref().ok_or_else(unread)?;
        let peer = names::peer(oid::NTLM, None, known.peer_text.as_deref());
        let due = Name::Ntlm {
            user: logon.user.clone(),
            domain: logon.domain.clone(),
        };
        let peer = peer.filter(|peer| *peer == due).ok_or_else(unread)?;
        let expiry = match accepted.lifetime {
            u32::MAX => Expiry::Never,
            seconds => Expiry::At(self.shared.settings.clock.now() + seconds_of(seconds)),
        };
        let mut facts = Facts::new(Mechanism::Ntlm, peer, expiry);
        facts.framing = self.framing;
        facts.expiry_precision = ExpiryPrecision::UpperBound;
        facts.granted = granted(accepted.flags, &self.shared.settings);
        if !logon.protects() {
            facts.granted -= Granted::CONFIDENTIALITY | Granted::INTEGRITY;
        }
        facts.client_target.clone_from(&logon.target);
        facts.bindings = match logon.bindings(given) {
            // What is shown, and the library's word for it.
            BindingFact::Bound if accepted.flags & flag::CHANNEL_BOUND == 0 => {
                BindingFact::Undisclosed
            }
            fact => fact,
        };
        Ok(facts)
    }

    /// Asks the judge. Whether there is a PAC is found out where that is what
    /// the policy lacks: it takes the library as long as a tenth of an accept.
    pub(super) fn judge(&self, facts: &mut Facts) -> Result<(), Error> {
        let judge = &self.shared.settings.judge;
        match judge.check(facts) {
            Err(error) if matches!(error.rejection(), Some(Rejection::Authorization { .. })) => {
                let pac = authorization::pac(&self.ctx, facts.mechanism, self.shared.vouching);
                facts.authorization = AuthorizationFact::of(&pac);
                judge.check(facts)
            }
            judged => judged,
        }
    }

    /// Rule 15.
    fn delegated(
        &self,
        accepted: &Accepted,
        facts: &mut Facts,
        now: SystemTime,
    ) -> Option<Delegated> {
        if self.delegation() == Wanted::No || facts.mechanism != Mechanism::Kerberos {
            return None;
        }
        let peer = facts.peer.clone();
        let client = delegation::Client {
            principal: peer.principal(),
            ticket_flags: self.ticket_flags(),
            says_so: accepted.flags & flag::DELEG != 0,
            now,
            skew: self.shared.skew,
        };
        delegation::read(&self.shared.gss, self.delegated.as_ref(), &client, facts)
    }

    pub(super) fn delegation(&self) -> Wanted {
        if self.shared.settings.wants(Requirements::DELEGATE) {
            Wanted::Yes
        } else {
            Wanted::No
        }
    }

    /// The ticket's, in the order of RFC 4120.
    fn ticket_flags(&self) -> TicketFlags {
        let bits = self.ctx.ticket_flags().unwrap_or(0);
        TicketFlags::from_bits_retain(match self.shared.gss.flavour {
            Flavour::Mit => bits,
            Flavour::Heimdal => bits.reverse_bits(),
        })
    }

    fn peer(&self, known: &Inquired, accepted: &Accepted) -> Result<Name, Error> {
        let anonymous = self.ticket_flags().contains(TicketFlags::ANONYMOUS);
        if accepted.flags & flag::ANON != 0 || anonymous {
            return Ok(Name::Anonymous);
        }
        names::peer(
            &known.mech,
            known.peer.as_deref(),
            known.peer_text.as_deref(),
        )
        .ok_or_else(|| Error::malformed("client's name", "it cannot be read", None))
    }

    /// Whose key opened the ticket. The libraries try any key on it (rule 4):
    /// a ticket that is not for a name of the keytab is taken only where the
    /// configuration says so. One that is for such a name may have been opened
    /// by the same key under another.
    fn target(&self, found: Option<&[u8]>, now: SystemTime) -> Result<Option<Principal>, Error> {
        let (Some(target), Some(ap_req)) = (found.and_then(names::principal), self.seen.last())
        else {
            return Ok(None);
        };
        let service = &ap_req.service;
        if target == *service {
            return Ok(Some(target));
        }
        let keys = &self.keys;
        if keys.same_key(service, &target, ap_req.etype) {
            return Ok(Some(service.clone()));
        }
        if self.shared.settings.alias_limit > 0 || keys.has(service) {
            return Ok(Some(target));
        }
        Err(status::no_key(service.clone(), &self.known(now)).into())
    }

    fn bindings(&self, flags: u32) -> BindingFact {
        match (self.bindings, self.shared.gss.flavour) {
            // RFC 2744 1.1.6: without bindings of its own, an acceptor does
            // not look at the client's.
            (Bindings::NotGiven, _) => BindingFact::NotCompared,
            (Bindings::Given, Flavour::Heimdal) => BindingFact::Undisclosed,
            (Bindings::Given, Flavour::Mit) if flags & flag::CHANNEL_BOUND != 0 => {
                BindingFact::Bound
            }
            (Bindings::Given, Flavour::Mit) => BindingFact::Absent,
        }
    }
}

fn seconds_of(lifetime: u32) -> Duration {
    Duration::from_secs(u64::from(lifetime))
}
