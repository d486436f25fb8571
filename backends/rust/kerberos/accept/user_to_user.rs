//! User-to-user (RFC 4120 3.7, draft-swift-win2k-krb-user2user; rule 13): the
//! ticket is in the session key of the server's own TGT, for which the client
//! asks first.
//!
//! Which key may open a ticket is the client's option USE-SESSION-KEY alone:
//! a ticket that comes with it is not tried with a long-term key, and none
//! that comes without it with the TGT's.

use std::sync::Arc;
use std::time::SystemTime;

use super::ticket::{OpenTicket, Room, check_accepted};
use super::{AwaitApReq, Frame, SentService, Token, malformed};
use crate::backends::Settings;
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::messages::ApReq;
use crate::backends::rust::kerberos::codec::tgt::{TgtReply, TgtRequest};
use crate::backends::rust::kerberos::codec::wire::Text;
use crate::backends::rust::kerberos::keys::{KeySource, OwnTgt, Table};
use crate::error::{CcacheProblem, Error, Rejection, Unavailability};
use crate::name::Principal;
use crate::requirements::Requirements;

/// The KERB-TGT-REQUEST in a token, if it is one.
pub(super) fn tgt_request<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let Frame::Framed(Ok(framed)) = frame else {
        return None;
    };
    let id = (framed.oid, framed.token_id);
    (id == (gss::KRB5_U2U, gss::token_id::TGT_REQUEST)).then_some(framed.body)
}

/// The TGT that a client asks for, and the KERB-TGT-REPLY with it.
pub(super) fn answer(
    request: &[u8],
    state: &AwaitApReq<'_>,
    keys: &KeySource,
    now: SystemTime,
) -> Result<(Arc<OwnTgt>, Vec<u8>), Error> {
    if !state.is_first() {
        return Err(Error::malformed(
            "KERB-TGT-REQUEST",
            "not the first token",
            None,
        ));
    }
    let settings = &*state.shared.settings;
    let request = TgtRequest::decode(request).map_err(malformed)?;
    let tgt = own_tgt(keys, settings, now)?;
    check_wanted(&request, &tgt, settings)?;
    let message = TgtReply::new(tgt.ticket()).encode().map_err(|_| {
        Error::from(Unavailability::Internal {
            operation: "encoding a KERB-TGT-REPLY",
        })
    })?;
    let token = gss::frame_message(gss::KRB5_U2U, gss::token_id::TGT_REPLY, &message);
    Ok((tgt, token))
}

/// The service that a client wants the TGT of, for a KRB-ERROR.
pub(super) fn wanted_service(request: &[u8]) -> Option<SentService> {
    let request = TgtRequest::decode(request).ok()?;
    let realm = request
        .realm
        .map_or_else(Vec::new, |realm| realm.0.to_vec());
    let name = request.server_name?;
    let components = name.components().map(<[u8]>::to_vec).collect();
    Some((realm, name.name_type, components))
}

/// The server's TGT, if it holds now and is of a type that is permitted
/// (rule 7): a handle may have been acquired under other settings.
fn own_tgt(keys: &KeySource, settings: &Settings, now: SystemTime) -> Result<Arc<OwnTgt>, Error> {
    let tgt = keys.tgt().ok_or(Rejection::NoTgt)?;
    if !settings.etypes.contains(&tgt.etype()) {
        return Err(Unavailability::Ccache {
            origin: None,
            problem: CcacheProblem::Etype(tgt.etype()),
        }
        .into());
    }
    tgt.check(now)?;
    Ok(tgt)
}

/// A client that names a server must mean this one; both names are optional
/// (draft 2).
fn check_wanted(
    request: &TgtRequest<'_>,
    tgt: &OwnTgt,
    settings: &Settings,
) -> Result<(), Rejection> {
    let own = tgt.client();
    let name = request.server_name;
    let same_name = name.is_none_or(|name| name.components().eq(own.components()));
    let same_realm = request.realm.is_none_or(|realm| realm.0 == own.realm());
    if (same_name && same_realm) || any_name(settings) {
        return Ok(());
    }
    let realm = request.realm.unwrap_or(Text(b""));
    let nobody = || Principal::new(realm.0, NO_COMPONENTS, 0);
    Err(Rejection::OtherTgt {
        wanted: name.map_or_else(nobody, |name| name.in_realm(realm)),
        has: own.clone(),
    })
}

/// Of a principal that is a realm and nothing else.
const NO_COMPONENTS: &[&[u8]] = &[];

/// Whether the configuration takes tickets by their key alone (rule 4).
fn any_name(settings: &Settings) -> bool {
    settings.alias_limit > 0
}

/// The TGT whose session key the ticket of an AP-REQ is in, by the AP-REQ's
/// options; none for a ticket that is in a long-term key.
pub(super) fn tgt_for(
    token: &Token<'_>,
    request: &ApReq<'_>,
    state: &AwaitApReq<'_>,
    keys: &KeySource,
    now: SystemTime,
) -> Result<Option<Arc<OwnTgt>>, Error> {
    let settings = &*state.shared.settings;
    if request.ap_options.0 & ApReq::USE_SESSION_KEY != 0 {
        // The one that the client was given, should another be there now.
        let tgt = match &state.promised {
            Some(promised) => {
                promised.check(now)?;
                Arc::clone(promised)
            }
            None => own_tgt(keys, settings, now)?,
        };
        return Ok(Some(tgt));
    }
    if token.oid == gss::KRB5_U2U || state.promised.is_some() {
        return Err(Error::malformed(
            "AP-REQ",
            "in a user-to-user exchange, and without USE-SESSION-KEY",
            None,
        ));
    }
    // The application may have a key where this server has its TGT alone.
    let no_key = keys.has_tgt_alone() && settings.prompt.is_none();
    if no_key || settings.required.contains(Requirements::USE_SESSION_KEY) {
        return Err(Rejection::UserToUserRequired.into());
    }
    Ok(None)
}

/// Opens the ticket of an AP-REQ with the session key of this TGT, or with a
/// long-term key.
pub(super) fn open_ticket<'k>(
    request: &ApReq<'_>,
    settings: &Settings,
    tgt: Option<&'k OwnTgt>,
    table: &'k Table,
    room: &'k mut Room,
) -> Result<(OpenTicket<'k>, &'k mut [u8]), Error> {
    match tgt {
        Some(tgt) => open(request, settings, tgt, room),
        None => OpenTicket::open(request, settings, table, room),
    }
}

/// Opens the ticket with the session key of the TGT.
fn open<'k>(
    request: &ApReq<'_>,
    settings: &Settings,
    tgt: &'k OwnTgt,
    room: &'k mut Room,
) -> Result<(OpenTicket<'k>, &'k mut [u8]), Error> {
    let ticket = &request.ticket;
    let service: Principal = ticket.sname.in_realm(ticket.realm);
    let own = tgt.client();
    if service != *own && !any_name(settings) {
        let has = own.clone();
        return Err(Rejection::OtherTgtService { service, has }.into());
    }
    check_accepted(own, settings)?;
    let sealed = &ticket.enc_part;
    let opened = (sealed.etype == tgt.etype())
        .then(|| OpenTicket::unseal(tgt, request, room))
        .flatten();
    opened.ok_or_else(|| {
        Rejection::OtherTgtKey {
            service,
            etype: sealed.etype,
            has: tgt.etype(),
        }
        .into()
    })
}
