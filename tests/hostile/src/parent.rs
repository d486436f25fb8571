//! A good handshake: the parent that mutants are changed from, and what it comes to.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gss_acceptor::{
    AcceptorConfig, ChannelBindingPolicy, Clock, Keytab, MemoryReplayStore, ReplayEntry,
    ReplayStore, ReplayVerdict, Reply, Requirements, UserToUser, backends,
};
use kit::client::Initiator;
use kit::crypto::KitKey;
use kit::keytab::Entry;

use crate::decode::Says;
use crate::inside::Inside;
use crate::talk::{Facts, Outcome, Ran, Talk};
use crate::tree;

/// How the acceptor is set up.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Bindings of the step's, which are then required.
    pub bindings: Option<Vec<u8>>,
    /// Any key may open a ticket for a name that the keytab lacks (rule 4).
    pub any_name: bool,
    /// RC4 is permitted (rule 7).
    pub rc4: bool,
    /// Delegated credentials are taken.
    pub delegate: bool,
    /// The server has a TGT.
    pub tgt: Option<OwnTgt>,
    /// The client has used its first number for a MIC beside its token.
    pub numbered_mic: bool,
}

/// One message of the client's.
#[derive(Clone, Debug)]
pub enum Leg {
    /// As it was captured, or forged before.
    Sent(Vec<u8>),
    /// The MIC over this offer, alone in a NegTokenResp (rule 30).
    Mic(Vec<u8>),
    /// DCE style's third leg (rule 20).
    Third,
    /// The same in a NegTokenResp.
    ThirdInSpnego,
}

impl Leg {
    /// Octets that it is made of, for others to take from.
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::Sent(octets) | Self::Mic(octets) => octets,
            Self::Third | Self::ThirdInSpnego => b"",
        }
    }
}

/// The server's own TGT (rule 13).
#[derive(Clone, Debug)]
pub struct OwnTgt {
    /// In a FILE cache.
    pub ccache: Vec<u8>,
    /// Its owner and session key.
    pub entry: Entry,
}

/// A handshake that the acceptor takes, and its client's keys.
#[derive(Debug)]
pub struct Parent {
    /// Which.
    pub name: String,
    /// The client's messages.
    pub legs: Vec<Leg>,
    /// Which of them has the AP-REQ.
    pub main: usize,
    /// What is in it.
    pub inside: Inside,
    /// The same, as kit reads it.
    pub says: Says,
    /// The acceptor's setting.
    pub setting: Setting,
    /// The acceptor's clock.
    pub now: i64,
    config: AcceptorConfig,
    spent: AcceptorConfig,
    /// What it comes to.
    pub facts: Facts,
    /// What it costs, the least of several.
    pub cost: Duration,
    /// The most memory that a step of it takes, in octets.
    pub memory: isize,
}

#[derive(Debug)]
struct StandingClock(SystemTime);

impl Clock for StandingClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A store that takes everything for fresh, so that it is the other checks that are tried.
#[derive(Debug)]
struct Forgetful;

impl ReplayStore for Forgetful {
    fn check(&self, _: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        Reply::Now(ReplayVerdict::Fresh)
    }

    fn describe(&self) -> String {
        "forgets everything".to_owned()
    }

    fn may_block(&self) -> bool {
        false
    }
}

fn at(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().expect("after 1970"))
}

fn config(
    keytab: &[u8],
    now: i64,
    setting: &Setting,
    store: Arc<dyn ReplayStore>,
) -> AcceptorConfig {
    let keytab = Keytab::from_bytes(keytab.to_vec()).expect("a keytab");
    let mut backend = backends::rust(keytab);
    if let Some(tgt) = &setting.tgt {
        let own = UserToUser::from_bytes(tgt.ccache.clone());
        backend = backend.and(own.expect("a cache"));
    }
    let mut builder = AcceptorConfig::builder(backend)
        .clock(Arc::new(StandingClock(at(now))))
        .replay_store(store)
        .request(Requirements::EXTENDED_ERROR);
    if setting.bindings.is_some() {
        builder = builder.channel_bindings(ChannelBindingPolicy::Require);
    }
    if setting.delegate {
        builder = builder.request(Requirements::DELEGATE);
    }
    if setting.any_name {
        builder = builder.accept_any_name();
    }
    if setting.rc4 {
        builder = builder.insecure_rc4();
    }
    builder.build().expect("an ordinary configuration")
}

/// What is done to one leg.
pub struct Change<'a> {
    /// Which.
    pub leg: usize,
    /// How.
    pub how: &'a mut dyn FnMut(Vec<u8>) -> Vec<u8>,
}

/// Which acceptor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// One that forgets what was used.
    Forgotten,
    /// One that has seen the parent.
    Seen,
}

/// The keys that everything is for.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The keytab's file.
    pub file: Vec<u8>,
    /// Its entries.
    pub entries: Vec<Entry>,
}

impl Parent {
    /// Runs the handshake some times, and takes what it comes to as what it must come to.
    ///
    /// # Errors
    /// It is not accepted, or kit reads it otherwise.
    pub fn new(
        name: &str,
        legs: Vec<Leg>,
        main: usize,
        setting: Setting,
        now: i64,
        keys: &Keys,
    ) -> Result<Self, String> {
        let told = |why: String| format!("{name}: {why}");
        let Some(Leg::Sent(token)) = legs.get(main) else {
            return Err(told("no AP-REQ".into()));
        };
        let mut entries = keys.entries.clone();
        entries.extend(setting.tgt.iter().map(|tgt| tgt.entry.clone()));
        let inside = Inside::open(&tree::parse(token), &entries)
            .ok_or_else(|| told("no key opens it".into()))?;
        let ap_req = crate::inside::find_ap_req(token).map_err(told)?;
        let says = crate::decode::read(&ap_req, &inside.ticket, &inside.authenticator);
        let says = says.map_err(told)?;
        let remembers = Arc::new(MemoryReplayStore::new());
        let mut parent = Self {
            config: config(&keys.file, now, &setting, Arc::new(Forgetful)),
            spent: config(&keys.file, now, &setting, remembers),
            facts: Facts::default(),
            cost: Duration::MAX,
            memory: 0,
            name: name.to_owned(),
            legs,
            main,
            inside,
            says,
            setting,
            now,
        };
        for n in 0..20 {
            let ran = parent.run(Before::Forgotten, None);
            parent.cost = parent.cost.min(ran.cost);
            parent.memory = ran.most;
            match ran.outcome {
                Outcome::Accepted(Ok(facts)) if n == 0 => parent.facts = *facts,
                Outcome::Accepted(Ok(facts)) if *facts == parent.facts => {}
                other => return Err(told(format!("{other:?}"))),
            }
        }
        parent
            .agrees(&parent.facts, &parent.says, &parent.inside)
            .map_err(told)?;
        match parent.run(Before::Seen, None).outcome {
            Outcome::Accepted(Ok(_)) => Ok(parent),
            other => Err(told(format!("the first time {other:?}"))),
        }
    }

    /// The client, before it has heard anything.
    fn client(&self, says: &Says, inside: &Inside) -> Initiator {
        let subkey = says.authenticator.subkey.as_ref();
        let subkey = subkey.map(|(etype, bytes)| KitKey::new(*etype as i32, bytes.clone()));
        let time = (says.authenticator.ctime, says.authenticator.cusec);
        let seq = says.authenticator.seq.unwrap_or(0) as u32;
        let session = crate::inside::session_key(&inside.ticket);
        let session = session.unwrap_or_else(|| inside.session.clone());
        Initiator::new(session, subkey, time, seq)
    }

    /// Octets of the token with the AP-REQ.
    pub fn length(&self) -> usize {
        self.legs[self.main].octets().len()
    }

    /// Runs the handshake, with one leg changed if need be.
    pub fn run(&self, before: Before, change: Option<Change<'_>>) -> Ran {
        self.run_as(before, change, &self.says, &self.inside)
    }

    /// The same for a client that has put something else into its ticket or authenticator.
    pub fn run_as(
        &self,
        before: Before,
        mut change: Option<Change<'_>>,
        says: &Says,
        inside: &Inside,
    ) -> Ran {
        let config = match before {
            Before::Forgotten => &self.config,
            Before::Seen => &self.spent,
        };
        let client = self.client(says, inside);
        let bindings = self.setting.bindings.as_deref();
        let mut talk = Talk::new(config, client, bindings, self.setting.numbered_mic.into());
        let mut changed = (Vec::new(), Vec::new());
        for (n, leg) in self.legs.iter().enumerate() {
            let mut token = match leg {
                Leg::Sent(token) => token.clone(),
                Leg::Mic(offer) => talk.mic_over(offer),
                Leg::Third => talk.third_leg(),
                Leg::ThirdInSpnego => talk.third_leg_in_spnego(),
            };
            if let Some(change) = change.as_mut().filter(|change| change.leg == n) {
                changed.0.clone_from(&token);
                token = (change.how)(token);
                changed.1.clone_from(&token);
                if !std::ptr::eq(inside, &self.inside) {
                    talk.number_after(tree::has_mic(&token));
                }
            }
            if let Some(outcome) = talk.send(&token) {
                return talk.ran(outcome, changed);
            }
        }
        // A client that is told to try again does so once, with a good token (rule 21).
        if talk.may_retry()
            && let Leg::Sent(token) = &self.legs[self.main]
        {
            talk.begin_again(self.client(&self.says, &self.inside));
            if let Some(outcome) = talk.send(token) {
                return talk.ran(outcome, changed);
            }
        }
        talk.ran(Outcome::Unfinished, changed)
    }

    /// Whether facts are what kit reads in the token.
    ///
    /// # Errors
    /// What differs.
    pub fn agrees(&self, facts: &Facts, says: &Says, inside: &Inside) -> Result<(), String> {
        let (ticket, client) = (&says.ticket, &says.authenticator);
        let same = |what: &str, same: bool| if same { Ok(()) } else { Err(what.to_owned()) };
        same(
            "peer",
            facts.peer == ticket.cname && facts.realm == ticket.crealm,
        )?;
        same("expiry", facts.expiry == ticket.endtime)?;
        same("granted", facts.flags() == crate::talk::granted(says))?;
        same("a reply", facts.replied == says.mutual)?;
        let bound = self.setting.bindings.is_some() && says.bindings.is_some();
        same("bindings", facts.bound == bound)?;
        same("target", facts.target.as_ref() == Some(&inside.owner))?;
        let data: Vec<_> = ticket
            .all_authdata
            .iter()
            .map(|(n, data)| (*n as i32, data.clone()))
            .collect();
        same("authorization data", facts.authdata == data)?;
        if !says.mutual {
            let key = client.subkey.as_ref().unwrap_or(&ticket.key);
            same(
                "session key",
                facts.key == (key.0 as i32, Some(key.1.clone())),
            )?;
        }
        Ok(())
    }
}
