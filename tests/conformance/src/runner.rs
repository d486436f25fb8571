//! One forged token through an acceptor, and everything that must then hold.

use crate::bench::{Bench, NOW, REJECT, SKEW_RECOVERY, at, bindings, krb_error, resp};
use crate::{Instead, Mount, class, moved};
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, Context, Error, ExpiredContexts, Failure, Framing,
    Granted, Misuse, Name, Principal, Protection, Requirements, SequenceState, Step, StepInput,
};
use kit::ap_req::{gss, oid};
use kit::cases::{self, Case, Expect, Feed, Forged, Policy, Reply};
use kit::client::{Answer, Initiator, unframe};
use kit::crypto::AES_ETYPES;
use kit::judge::Outcome;
use kit::message::{MicSpec, WrapSpec};
use kit::spnego::{Hints, Resp, state};
use std::net::IpAddr;

type Checked = Result<(), String>;

/// What a case came to, `None` if its setting is refused.
pub fn outcome<M: Mount>(case: &Case) -> Option<Outcome> {
    let bench = Bench::new();
    let config = bench.set::<M>(&case.setting).build().ok()?;
    Some(match feed(case, &bench, &config).1 {
        Ok(Step::Established { .. }) => Outcome::Accept,
        Ok(Step::Continue { .. }) => Outcome::Continue,
        Err(_) => Outcome::Reject,
    })
}

/// Feeds the case's token, as often as it says.
fn feed(
    case: &Case,
    bench: &Bench,
    config: &AcceptorConfig,
) -> (Forged, Result<Step, Failure>, Acceptor) {
    let forged = (case.build)(&bench.world);
    let (step, acceptor) = feed_one(case, config, &forged.token);
    match case.setting.feed {
        Feed::Once => return (forged, step, acceptor),
        Feed::Twice => {
            let (step, acceptor) = feed_one(case, config, &forged.token);
            return (forged, step, acceptor);
        }
        Feed::Rebuilt => {}
    }
    let forged = (case.build)(&bench.world);
    let (step, acceptor) = feed_one(case, config, &forged.token);
    (forged, step, acceptor)
}

fn feed_one(
    case: &Case,
    config: &AcceptorConfig,
    token: &[u8],
) -> (Result<Step, Failure>, Acceptor) {
    let own = bindings();
    let mut input = StepInput::new(token);
    if case.setting.policy != Policy::Ignore {
        input = input.channel_bindings(&own);
    }
    if let Some(address) = case.setting.peer_address {
        input = input.peer_address(IpAddr::from(address));
    }
    let mut acceptor = Acceptor::new(config);
    (acceptor.step_with(input), acceptor)
}

/// Runs a case and checks what is due, or that the exception is as listed.
pub fn judge<M: Mount>(case: &Case) -> Checked {
    let bench = Bench::new();
    let exception = M::exceptions().iter().find(|e| e.case == case.name);
    // A ticket that has ended within the skew is taken, and its context has ended.
    let builder = match case.name {
        "ended_within_skew" => bench
            .set::<M>(&case.setting)
            .expired_contexts(ExpiredContexts::GoOn),
        _ => bench.set::<M>(&case.setting),
    };
    let config = match (builder.build(), exception) {
        (Ok(config), _) => config,
        (Err(error), Some(e)) if e.instead == Instead::RefusedAtBuild => {
            return match error.misuse() {
                Some(Misuse::CannotHonour { .. } | Misuse::CannotBind { .. }) => Ok(()),
                _ => Err(format!("refused at build, but for {error}")),
            };
        }
        (Err(error), _) => return Err(format!("refused at build: {error}")),
    };
    let (forged, step, acceptor) = feed(case, &bench, &config);
    match exception.map(|e| e.instead) {
        None => {}
        Some(Instead::Accept) if matches!(step, Ok(Step::Established { .. })) => return Ok(()),
        Some(Instead::Continue) if matches!(step, Ok(Step::Continue { .. })) => return Ok(()),
        Some(Instead::Misuse)
            if matches!(&step, Err(failure) if matches!(
                failure.error().misuse(),
                // What a broker's library does not support comes over in words.
                Some(Misuse::Unsupported { .. } | Misuse::Broker { .. })
            )) =>
        {
            return Ok(());
        }
        Some(Instead::Refuse) if matches!(&step, Err(failure) if is_refusal::<M>(failure)) => {
            return Ok(());
        }
        Some(Instead::Reject(class)) => {
            return match step {
                Err(failure) => class::check(case, class, failure.error()),
                Ok(step) => Err(format!("said to be rejected, came to {step:?}")),
            };
        }
        Some(other) => return Err(format!("said to be {other:?}, and is not")),
    }
    match (case.expect, step) {
        (Expect::Accept, Ok(Step::Established { token, context })) => {
            ended(acceptor)?;
            accepted::<M>(case, forged, token, &moved::used(context))
        }
        (Expect::Continue, Ok(Step::Continue { token })) => {
            continued(case, &forged, &token, &acceptor)?;
            given_up(acceptor, &config)
        }
        (Expect::Reject(class), Err(failure)) => {
            ended(acceptor)?;
            refused::<M>(case, class, &forged, &failure)?;
            if M::OWN_WORDS {
                told::<M>(case, class)?;
            }
            Ok(())
        }
        (due, Ok(step)) => Err(format!("{due:?} is due, not {step:?}")),
        (due, Err(failure)) => Err(format!("{due:?} is due, not {failure}")),
    }
}

/// Whether it is the client that was refused. A platform that does not tell why says that
/// something went wrong.
fn is_refusal<M: Mount>(failure: &Failure) -> bool {
    match failure.error() {
        Error::Rejected { .. } | Error::Malformed { .. } => true,
        Error::Unavailable { platform, .. } => !M::TELLS && platform.is_some(),
        _ => false,
    }
}

/// Rule 41: a further step is misuse, whatever it brings.
fn ended(mut acceptor: Acceptor) -> Checked {
    for token in [&[][..], &[0x60], &[0; 1 << 17]] {
        match acceptor.step(token) {
            Err(failure) => match failure.error().misuse() {
                Some(Misuse::StepAfterEnd) if failure.token().is_none() => {}
                _ => return Err(format!("a step after the end came to {failure:?}")),
            },
            Ok(step) => return Err(format!("a step after the end came to {step:?}")),
        }
    }
    Ok(())
}

/// Rule 40: what is given up no longer counts.
fn given_up(acceptor: Acceptor, config: &AcceptorConfig) -> Checked {
    let before = config.half_open();
    drop(acceptor);
    match (before, config.half_open()) {
        (1, 0) => Ok(()),
        other => Err(format!("half open before and after: {other:?}")),
    }
}

/// The mechanism that a SPNEGO offer lists first, or nothing for other tokens.
fn offered(token: &[u8]) -> Option<Vec<u8>> {
    // After the frame's tag, at most four octets of length, and the tag and length of an
    // OBJECT IDENTIFIER.
    let mut start = token.windows(oid::SPNEGO.len()).take(9);
    let start = start.position(|window| window == oid::SPNEGO)?;
    let rest = &token[start + oid::SPNEGO.len()..];
    // The first OBJECT IDENTIFIER of the list, if there is one.
    let at = rest.iter().position(|&b| b == 6).unwrap_or(0);
    let first = rest.get(at + 2..).unwrap_or_default();
    let length = rest.get(at + 1).map_or(0, |&length| length.into());
    Some(first.get(..length).unwrap_or_default().to_vec())
}

/// A principal in MIT's form, its octets as they are.
fn unparsed(name: &Name) -> Vec<u8> {
    let Some(principal) = name.principal() else {
        return name.to_string().into_bytes();
    };
    let mut out = Vec::new();
    for (index, part) in principal.components().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        escape(part, &mut out);
    }
    out.push(b'@');
    escape(principal.realm(), &mut out);
    out
}

fn escape(part: &[u8], out: &mut Vec<u8>) {
    for &byte in part {
        match byte {
            b'/' | b'@' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\t' => out.extend(b"\\t"),
            0 => out.extend(b"\\0"),
            other => out.push(other),
        }
    }
}

/// The keytab's name of the key that opens the ticket (rule 5).
fn target(case: &Case) -> Principal {
    match case.name {
        "key_of_other_service" => "host/localhost@EXAMPLE.TEST",
        "kvno_above_int32" | "kvno_negative" => "HTTP/rodc.localhost@EXAMPLE.TEST",
        _ => "HTTP/localhost@EXAMPLE.TEST",
    }
    .parse()
    .expect("a principal")
}

/// The flags that the checksum of a case asks for (rules 13, 15, 16).
fn asked(name: &str) -> u32 {
    match name {
        "mutual_by_option_alone"
        | "not_mutual"
        | "mic_in_first_token"
        | "spnego_not_mutual"
        | "skew_told_without_mutual" => gss::USUAL & !gss::MUTUAL,
        "no_checksum" | "no_checksum_mutual_by_option" | "when_sent_no_checksum" | "flags_none" => {
            0
        }
        "keyed_checksum_not_mutual" => gss::REPLAY | gss::SEQUENCE,
        "keyed_checksum_mutual_by_option" | "keyed_checksum" | "keyed_checksum_etype_20" => {
            gss::MUTUAL | gss::REPLAY | gss::SEQUENCE
        }
        "flags_identify_and_extended_error" => gss::USUAL | gss::IDENTIFY,
        _ => gss::USUAL,
    }
}

fn granted(flags: u32) -> Granted {
    [
        (gss::MUTUAL, Granted::MUTUAL_AUTH),
        (gss::REPLAY, Granted::REPLAY_DETECT),
        (gss::SEQUENCE, Granted::SEQUENCE_DETECT),
        (gss::CONF, Granted::CONFIDENTIALITY),
        (gss::INTEG, Granted::INTEGRITY),
        (gss::IDENTIFY, Granted::IDENTIFY),
    ]
    .into_iter()
    .filter(|(flag, _)| flags & flag != 0)
    .fold(Granted::empty(), |all, (_, flag)| all | flag)
}

/// Who came in, and to whom; or that the platform does not tell.
fn told_of<M: Mount>(case: &Case, context: &Context) -> Checked {
    if !M::TELLS {
        return match (context.peer(), context.target()) {
            (Name::Undisclosed, None) => Ok(()),
            other => Err(format!("tells {other:?}")),
        };
    }
    let peer = unparsed(context.peer());
    if case.name.starts_with("anonymous") {
        if *context.peer() != Name::Anonymous {
            return Err(format!("peer {:?}", context.peer()));
        }
    } else if peer != case.peer {
        return Err(format!("peer {}", String::from_utf8_lossy(&peer)));
    }
    // What people read is MIT's form too, where the name is text.
    if std::str::from_utf8(&peer).is_ok() && context.peer().to_string().as_bytes() != peer {
        return Err(format!("peer displayed as {}", context.peer()));
    }
    if context.target() != Some(&target(case)) {
        return Err(format!("target {:?}", context.target()));
    }
    Ok(())
}

fn accepted<M: Mount>(
    case: &Case,
    forged: Forged,
    token: Option<Vec<u8>>,
    context: &Context,
) -> Checked {
    let anonymous = case.name.starts_with("anonymous");
    let mut due = granted(asked(case.name));
    if anonymous {
        due |= Granted::NULL_SESSION;
    }
    if case.setting.delegate {
        due |= Granted::DELEGATE;
    }
    // Nobody is given credentials that were not asked for.
    if context.delegated().is_some() != case.setting.delegate {
        return Err(format!("delegated {:?}", context.delegated()));
    }
    told_of::<M>(case, context)?;
    let framing = match offered(&forged.token) {
        Some(_) => Framing::Spnego,
        None => Framing::Raw,
    };
    let right = case.name.ends_with("right");
    let compared = matches!(case.setting.policy, Policy::WhenSent | Policy::Require);
    let bound = if right && compared {
        BindingStatus::Bound
    } else {
        BindingStatus::NotBound
    };
    if context.granted() != due {
        return Err(format!("granted {:?}, not {due:?}", context.granted()));
    }
    if (context.bound(), context.framing()) != (bound, framing) {
        return Err(format!("{:?}, {:?}", context.bound(), context.framing()));
    }
    let mut client = forged.client.ok_or("no client to go on with")?;
    let mic = case.name == "mic_in_first_token";
    let inner = match offered(&forged.token) {
        Some(mech) => completed(&mech, token.as_deref(), mic, &client)?,
        None => token,
    };
    answered(case, inner.as_deref(), &mut client, due)?;
    both_ways::<M>(context, &client, u64::from(mic))
}

/// Rules 29 to 31: the reply that completes a negotiation; gives the mechanism's token.
fn completed(
    mech: &[u8],
    token: Option<&[u8]>,
    mic: bool,
    client: &Initiator,
) -> Result<Option<Vec<u8>>, String> {
    let reply = Resp::read(token.ok_or("no reply inside SPNEGO")?)?;
    if reply.state != Some(state::COMPLETED) || reply.mech.as_deref() != Some(mech) {
        return Err(format!("replied {reply:02x?}"));
    }
    match (&reply.mic, mic) {
        (None, false) => {}
        (Some(own), true) => {
            let list = kit::spnego::mech_types(&[mech]);
            client.messages().verify(own, &list)?;
        }
        other => return Err(format!("mechListMIC {other:02x?}")),
    }
    Ok(reply.token)
}

/// Rules 13, 14 and 19: the AP-REP, read by a client that shares no code with the acceptor.
fn answered(
    case: &Case,
    token: Option<&[u8]>,
    client: &mut Initiator,
    granted: Granted,
) -> Checked {
    let mutual = granted.contains(Granted::MUTUAL_AUTH);
    if case
        .reply
        .is_some_and(|due| (due == Reply::ApRep) != mutual)
    {
        return Err("the case and its flags do not agree".into());
    }
    let Some(token) = token else {
        return if mutual {
            Err("no AP-REP".into())
        } else {
            Ok(())
        };
    };
    if !mutual {
        return Err(format!("replied {token:02x?}"));
    }
    let Answer::ApRep(reply) = client.read(token)? else {
        return Err("replied a KRB-ERROR".into());
    };
    match reply.seq {
        Some(1..0x4000_0000) => {}
        other => return Err(format!("sequence number {other:?}")),
    }
    let etype = reply.subkey.as_ref().map(|key| key.etype);
    if !etype.is_some_and(|etype| AES_ETYPES.contains(&etype)) {
        return Err(format!("acceptor subkey of etype {etype:?}"));
    }
    if case.subkey.is_some() && etype != case.subkey {
        return Err(format!("acceptor subkey of etype {etype:?}"));
    }
    if reply.subkey == client.subkey {
        return Err("the client's own subkey was echoed".into());
    }
    Ok(())
}

/// Rules 23 and 25: messages both ways, with what the context was granted.
fn both_ways<M: Mount>(context: &Context, client: &Initiator, sent: u64) -> Checked {
    match context.session_key() {
        Ok(key) if key.key.expose() == client.message_key().bytes => {}
        Ok(_) => return Err("another session key than the client's".into()),
        Err(error) if !M::TELLS && error.misuse().is_some() => {}
        Err(error) => return Err(error.to_string()),
    }
    let messages = client.messages();
    let mut received = client.acceptor_seq() + sent;
    let mut next = u64::from(client.seq) + sent;
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        let sealed = protection == Protection::Confidentiality;
        let flag = if sealed {
            Granted::CONFIDENTIALITY
        } else {
            Granted::INTEGRITY
        };
        let token = match context.wrap(protection, b"from the server") {
            Ok(token) if context.granted().contains(flag) => token,
            Ok(_) => return Err(format!("wraps without {flag:?}")),
            Err(Error::Misuse { .. }) if !context.granted().contains(flag) => continue,
            Err(error) => return Err(error.to_string()),
        };
        let got = messages.unwrap(&token)?;
        if (&got.message[..], got.sealed, got.seq) != (b"from the server", sealed, received) {
            return Err(format!("the client reads {got:?}"));
        }
        let token = messages.wrap(b"from the client", &WrapSpec::new(next, sealed));
        let got = context.unwrap(&token).map_err(|e| e.to_string())?;
        let state = (got.protection, got.sequence);
        if got.data != b"from the client" || state != (protection, SequenceState::InOrder) {
            return Err(format!("the server reads {got:?}"));
        }
        received += 1;
        next += 1;
    }
    if context.granted().contains(Granted::INTEGRITY) {
        let mic = context.mic(b"message").map_err(|e| e.to_string())?;
        if messages.verify(&mic, b"message")? != received {
            return Err("a MIC out of sequence".into());
        }
        let mic = messages.mic(b"message", &MicSpec::new(next));
        context
            .verify(b"message", &mic)
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// A negotiation that is not over.
fn continued(case: &Case, forged: &Forged, token: &[u8], acceptor: &Acceptor) -> Checked {
    if case.rule == 21 {
        let client = forged.client.clone().ok_or("no client")?;
        let error = krb_error(&client, token);
        let class = match case.name {
            "not_yet_valid_told_to_the_client" => "NotYetValid",
            _ => "ClockSkew",
        };
        let reason = acceptor.retry_reason().ok_or("no reason for the retry")?;
        class::check(case, class, reason)?;
        let code = cases::krb_error(class).ok_or("no code")?;
        if (error.code, error.data.as_deref(), error.server_time.0)
            != (code, Some(&SKEW_RECOVERY[..]), NOW)
        {
            return Err(format!("told {error:?}"));
        }
        return Ok(());
    }
    if acceptor.retry_reason().is_some() {
        return Err("a reason for a retry that is none".into());
    }
    if forged.token.is_empty() {
        let hints = Hints::read(token)?;
        if hints.mechs != [oid::KRB5, oid::MS_KRB5]
            || hints.name.as_deref() != Some(b"not_defined_in_RFC4178@please_ignore")
        {
            return Err(format!("hints {hints:02x?}"));
        }
        return Ok(());
    }
    let due = Resp {
        state: Some(match case.name {
            "spnego_without_token" => state::INCOMPLETE,
            _ => state::REQUEST_MIC,
        }),
        mech: Some(oid::KRB5.to_vec()),
        ..Resp::default()
    };
    let reply = Resp::read(token)?;
    if reply == due {
        Ok(())
    } else {
        Err(format!("replied {reply:02x?}, not {due:02x?}"))
    }
}

/// Tokens under SPNEGO's object identifier that are no offer: there is no negotiation to reject.
const NO_OFFER: [&str; 8] = [
    "spnego_response_first",
    "spnego_octet_after",
    "spnego_octet_inside_frame",
    "spnego_cut",
    "spnego_no_mech_types",
    "spnego_mech_types_cut",
    "spnego_mech_types_are_octets",
    "spnego_frame_alone",
];

/// Without EXTENDED_ERROR: the right error, and no word to a raw client.
fn refused<M: Mount>(case: &Case, class: &str, forged: &Forged, failure: &Failure) -> Checked {
    if M::TELLS {
        class::check(case, class, failure.error())?;
    } else if !is_refusal::<M>(failure) {
        return Err(format!("{class} is due, not {:?}", failure.error()));
    }
    let text = failure.error().to_string();
    if text.len() < 20 {
        return Err(format!("too short an error: {text}"));
    }
    let due = if M::OWN_WORDS {
        class::names(case, class)
    } else {
        &[]
    };
    for name in due {
        if !text.contains(name) {
            return Err(format!("{name:?} is not in: {text}"));
        }
    }
    let in_negotiation = offered(&forged.token).is_some() && !NO_OFFER.contains(&case.name);
    let due = in_negotiation.then_some(&REJECT[..]);
    if case.setting.extended_error || failure.token() == due {
        return Ok(());
    }
    Err(format!("told {:02x?}, not {due:02x?}", failure.token()))
}

/// Clients that are told nothing even with EXTENDED_ERROR: they did not ask for mutual
/// authentication, or had not come so far.
const DOES_NOT_WAIT: [&str; 2] = [
    "mic_in_first_token_over_another_list",
    "mic_in_first_token_garbage",
];

/// Rule 21: with EXTENDED_ERROR, the KRB-ERROR of the class, or the one retry.
fn told<M: Mount>(case: &Case, class: &str) -> Checked {
    let bench = Bench::new();
    let config = bench
        .set::<M>(&case.setting)
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .map_err(|e| e.to_string())?;
    let (forged, step, _) = feed(case, &bench, &config);
    let (token, retry) = match step {
        Ok(Step::Continue { token }) => (Some(token), true),
        Err(failure) => {
            refused_for(case, class, &failure)?;
            (failure.token().map(<[u8]>::to_vec), false)
        }
        Ok(step) => return Err(format!("with EXTENDED_ERROR: {step:?}")),
    };
    if retry != ["ClockSkew", "NotYetValid"].contains(&class) {
        return Err(format!("with EXTENDED_ERROR, a retry: {retry}"));
    }
    let token = match (offered(&forged.token), token) {
        (Some(_), Some(token)) if token != REJECT => resp(&token).token,
        (Some(_), _) => None,
        (None, token) => token,
    };
    let code = cases::krb_error(class).filter(|_| !DOES_NOT_WAIT.contains(&case.name));
    let (Some(code), Some(token)) = (code, &token) else {
        return match token {
            None if code.is_none() => Ok(()),
            other => Err(format!("KRB-ERROR {code:?} is due, told {other:02x?}")),
        };
    };
    // Whoever sent it: a KRB-ERROR is not encrypted.
    let key = kit::crypto::KitKey::new(18, vec![0; 32]);
    let client = forged
        .client
        .unwrap_or_else(|| Initiator::new(key, None, (0, 0), 0));
    // In the frame that it came in, where that was user-to-user's.
    let oid = match unframe(&forged.token) {
        Ok((oid::KRB5_U2U, ..)) => oid::KRB5_U2U,
        _ => oid::KRB5,
    };
    let error = match client.clone().read_under(oid, token)? {
        Answer::Error(error) => error,
        other => return Err(format!("no KRB-ERROR: {other:?}")),
    };
    let data = retry.then(|| SKEW_RECOVERY.to_vec());
    if (error.code, &error.data, error.server_time.0) != (code, &data, NOW) {
        return Err(format!("KRB-ERROR {code} is due, told {error:?}"));
    }
    Ok(())
}

fn refused_for(case: &Case, class: &str, failure: &Failure) -> Checked {
    class::check(case, class, failure.error())
        .map_err(|error| format!("with EXTENDED_ERROR: {error}"))
}

/// The end of kit's tickets.
pub fn ticket_end() -> std::time::SystemTime {
    at(NOW + 8 * 3600)
}
