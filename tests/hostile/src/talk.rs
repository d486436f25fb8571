//! A client and the acceptor, token by token; and what the context is worth to the client.

use std::time::{Duration, Instant, UNIX_EPOCH};

use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindings, Context, Expiry, Failure, Framing,
    Granted, Misuse, Name, Protection, SequenceState, Step, StepInput,
};
use kit::ap_req::{gss, oid};
use kit::client::{Initiator, unframe};
use kit::message::{MicSpec, WrapSpec};
use kit::spnego::Resp;

use crate::decode::Says;
use crate::sys::counted;

/// What a context says, and what its client can do with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Facts {
    pub realm: Vec<u8>,
    pub peer: Vec<Vec<u8>>,
    pub target: Option<String>,
    pub client_target: Option<String>,
    pub granted: u32,
    pub expiry: i64,
    pub bound: bool,
    pub spnego: bool,
    pub authdata: Vec<(i32, Vec<u8>)>,
    /// The session key's type; and the key, unless it came by an AP-REP, which makes a fresh one:
    /// the client has then read it there.
    pub key: (i32, Option<Vec<u8>>),
    /// Whether an AP-REP came.
    pub replied: bool,
}

/// The flags that a client's own say, and what they grant.
const FLAGS: [(u32, Granted); 6] = [
    (gss::REPLAY, Granted::REPLAY_DETECT),
    (gss::SEQUENCE, Granted::SEQUENCE_DETECT),
    (gss::CONF, Granted::CONFIDENTIALITY),
    (gss::INTEG, Granted::INTEGRITY),
    (gss::IDENTIFY, Granted::IDENTIFY),
    (gss::MUTUAL, Granted::MUTUAL_AUTH),
];

/// The flags that are to be granted, as GSS-API numbers them.
pub fn granted(says: &Says) -> u32 {
    let mutual = if says.mutual { gss::MUTUAL } else { 0 };
    let flags = says.gss_flags & !gss::MUTUAL | mutual;
    FLAGS.iter().fold(0, |all, (flag, _)| all | flags & flag)
}

impl Facts {
    /// The same, negotiated or not.
    pub fn same_but_for_framing(&self, other: &Self) -> bool {
        let framed = Self {
            spnego: other.spnego,
            ..self.clone()
        };
        framed == *other
    }

    /// Of [`granted`], those that were.
    pub fn flags(&self) -> u32 {
        let has = |means: &Granted| self.granted & means.bits() != 0;
        let of = FLAGS.iter().filter(|(_, means)| has(means));
        of.fold(0, |all, (flag, _)| all | flag)
    }
}

/// What became of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Refused, in these words.
    Refused(String),
    /// More tokens are awaited than there are.
    Unfinished,
    /// Let in, with these facts; or why the client cannot live with the context.
    Accepted(Result<Box<Facts>, String>),
    /// What must not happen whatever the token.
    Broken(String),
}

/// A handshake as it went.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What became of it.
    pub outcome: Outcome,
    /// How long the acceptor took.
    pub cost: Duration,
    /// The most memory that a step took.
    pub most: isize,
    /// A leg before it was changed.
    pub original: Vec<u8>,
    /// The same after that.
    pub changed: Vec<u8>,
    /// Whether it is the good token of a second try that decided.
    pub retried: bool,
}

impl Ran {
    /// The facts, where the client came in.
    pub fn facts(&self) -> Option<&Facts> {
        match &self.outcome {
            Outcome::Accepted(Ok(facts)) => Some(facts),
            _ => None,
        }
    }
}

/// A handshake under way.
pub struct Talk {
    acceptor: Acceptor,
    client: Initiator,
    bindings: Option<ChannelBindings>,
    /// MICs that went each way before the first message.
    mics: (u64, u64),
    offer: Option<Vec<u8>>,
    cost: Duration,
    most: isize,
    retried: bool,
    /// The MIC has the number of another authenticator.
    other_numbers: bool,
}

impl Talk {
    /// Before the first token; `mics` numbers are used up by then.
    pub fn new(
        config: &AcceptorConfig,
        client: Initiator,
        bindings: Option<&[u8]>,
        mics: u64,
    ) -> Self {
        let own = |data| ChannelBindings::from_application_data(data).expect("short");
        Self {
            acceptor: Acceptor::new(config),
            client,
            bindings: bindings.map(own),
            mics: (mics, 0),
            offer: None,
            cost: Duration::ZERO,
            most: 0,
            retried: false,
            other_numbers: false,
        }
    }

    /// The client's MIC over its offer.
    pub fn mic_over(&mut self, offer: &[u8]) -> Vec<u8> {
        let seq = u64::from(self.client.seq);
        let mic = self.client.messages().mic(offer, &MicSpec::new(seq));
        self.mics.0 = 1;
        self.offer = Some(offer.to_vec());
        let resp = Resp {
            mic: Some(mic),
            ..Resp::default()
        };
        resp.encode()
    }

    /// Whether the first number is used up by a MIC beside the token.
    pub fn number_after(&mut self, mic: bool) {
        self.mics.0 = mic.into();
        self.other_numbers = mic;
    }

    /// DCE style's third leg.
    pub fn third_leg(&mut self) -> Vec<u8> {
        self.client.third_leg().token()
    }

    /// The same in a NegTokenResp.
    pub fn third_leg_in_spnego(&mut self) -> Vec<u8> {
        let resp = Resp {
            token: Some(self.third_leg()),
            ..Resp::default()
        };
        resp.encode()
    }

    /// Whether the acceptor asks for another try.
    pub fn may_retry(&self) -> bool {
        self.acceptor.retry_reason().is_some()
    }

    /// The client makes another try.
    pub fn begin_again(&mut self, client: Initiator) {
        self.client = client;
        self.mics = (0, 0);
        self.retried = true;
    }

    /// One token; an outcome, unless it goes on.
    pub fn send(&mut self, token: &[u8]) -> Option<Outcome> {
        let mut input = StepInput::new(token);
        if let Some(bindings) = &self.bindings {
            input = input.channel_bindings(bindings);
        }
        let acceptor = &mut self.acceptor;
        let began = Instant::now();
        let (step, held) = counted(|| acceptor.step_with(input));
        self.cost += began.elapsed();
        self.most = self.most.max(held.most);
        match step {
            Ok(Step::Continue { token }) => {
                // What is no AP-REP tells the client nothing here; where one is due, what comes
                // next shows that it was none.
                let _ = self.hear(&token);
                None
            }
            Ok(Step::Established { token, context }) => {
                let heard = token.as_deref().map_or(Ok(()), |token| self.hear(token));
                let facts = heard.and_then(|()| self.facts(&context));
                Some(Outcome::Accepted(facts.map(Box::new)))
            }
            Err(failure) => Some(self.refused(&failure)),
        }
    }

    /// After an error nothing can be used (rule 41), and what goes to the log is text.
    fn refused(&mut self, failure: &Failure) -> Outcome {
        let text = failure.to_string();
        if text.chars().any(char::is_control) || text.len() > 4096 {
            return Outcome::Broken(format!("an error that is no line of text: {text:?}"));
        }
        match self.acceptor.step(b"`") {
            Err(after) if matches!(after.error().misuse(), Some(Misuse::StepAfterEnd)) => {
                Outcome::Refused(text)
            }
            after => Outcome::Broken(format!("{after:?} after {text}")),
        }
    }

    /// Reads the acceptor's token: an AP-REP, raw or in SPNEGO, and a MIC beside it.
    fn hear(&mut self, token: &[u8]) -> Result<(), String> {
        if token.first() != Some(&0xa1) {
            return self.hear_mechanism(token);
        }
        let resp = Resp::read(token)?;
        if let Some(token) = resp.token {
            self.hear_mechanism(&token)?;
        }
        if let Some(mic) = resp.mic {
            self.mics.1 = 1;
            if let Some(offer) = &self.offer {
                self.client.messages().verify(&mic, offer)?;
            }
        }
        Ok(())
    }

    /// An AP-REP is bare in DCE style, and under the user-to-user OID where the client's token was.
    fn hear_mechanism(&mut self, token: &[u8]) -> Result<(), String> {
        match token.first() {
            Some(0x6f) => self.client.read_ap_rep(token).map(drop),
            _ => {
                let mech = unframe(token)?.0;
                let mechs = [oid::KRB5, oid::KRB5_U2U];
                let own = mechs.into_iter().find(|own| *own == mech);
                self.client
                    .read_under(own.unwrap_or(oid::KRB5), token)
                    .map(drop)
            }
        }
    }

    fn facts(&self, context: &Context) -> Result<Facts, String> {
        let Name::Kerberos(peer) = context.peer() else {
            return Err(format!("the peer is {}", context.peer()));
        };
        let key = context.session_key().map_err(|e| e.to_string())?;
        let etype = key.etype.ok_or("a key without a type")?.0;
        let replied = self.client.ap_rep.is_some();
        if key.key.expose() != self.client.message_key().bytes {
            return Err("the client has another key".into());
        }
        self.messages(context, etype)?;
        Ok(Facts {
            realm: peer.realm().to_vec(),
            peer: peer.components().map(<[u8]>::to_vec).collect(),
            target: context.target().map(ToString::to_string),
            client_target: context.client_target().map(|t| format!("{t:?}")),
            granted: context.granted().bits(),
            expiry: match context.expiry() {
                Expiry::At(end) => {
                    let since = end.duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?;
                    i64::try_from(since.as_secs()).map_err(|e| e.to_string())?
                }
                other => return Err(format!("ends {other:?}")),
            },
            bound: context.bound() == BindingStatus::Bound,
            spnego: context.framing() == Framing::Spnego,
            authdata: context.authorization_data(),
            key: (etype, (!replied).then(|| key.key.expose().to_vec())),
            replied,
        })
    }

    /// A message each way: keys, flags and sequence numbers are those that both sides have.
    fn messages(&self, context: &Context, etype: i32) -> Result<(), String> {
        let granted = context.granted();
        // kit has the messages of RFC 4121 alone; a ticket may have ended within the skew.
        let both = Granted::CONFIDENTIALITY | Granted::INTEGRITY;
        if !granted.contains(both) || etype == 23 {
            return Ok(());
        }
        let client = self.client.messages();
        let seq = u64::from(self.client.seq) + self.mics.0;
        let token = client.wrap(b"from the client", &WrapSpec::new(seq, true));
        match context.unwrap(&token) {
            Ok(got) if self.other_numbers && got.data == b"from the client" => {}
            Ok(got) if got.data == b"from the client" && got.sequence == SequenceState::InOrder => {
            }
            Err(error) if error.to_string().contains("ended") => return Ok(()),
            other => return Err(format!("the server reads {other:?}")),
        }
        let token = context.wrap(Protection::Confidentiality, b"from the server");
        let got = client.unwrap(&token.map_err(|e| e.to_string())?)?;
        let due = self.client.acceptor_seq() + self.mics.1;
        if (&got.message[..], got.seq) != (b"from the server", due) {
            return Err(format!("the client reads {got:?}, {due} is due"));
        }
        Ok(())
    }

    /// It is over.
    pub fn ran(self, outcome: Outcome, (original, changed): (Vec<u8>, Vec<u8>)) -> Ran {
        Ran {
            outcome,
            cost: self.cost,
            most: self.most,
            original,
            changed,
            retried: self.retried,
        }
    }
}
