//! Rule 15: what a client delegates, and to whom it is given.

use crate::Mount;
use crate::bench::{Bench, NOW, at, done, fails, goes_on, rejected};
use gss_acceptor::{
    Acceptor, Context, DelegationProblem, EncryptionType, Framing, Granted, Rejection,
    Requirements, TicketFlags, WindowsStatus,
};
use kit::ap_req::{ApReqSpec, Frame, gss, oid};
use kit::cases::{self, Case, Expect};
use kit::cred::{CredSpec, forwarded_tgt};
use kit::spnego::InitSpec;
use kit::ticket::{NT_PRINCIPAL, Name, flag};

/// alice's AP-REQ with a forwarded TGT in the clear, the ticket's own octets fixed so that they can
/// be found again.
fn delegating(bench: &Bench, change: impl FnOnce(&mut CredSpec)) -> (ApReqSpec, Vec<u8>) {
    let mut spec = bench.world.ap_req();
    let tgs = bench.world.key("krbtgt", 18);
    let mut tgt = forwarded_tgt(&spec.ticket, tgs, bench.world.tgt_session());
    tgt.renew_till = Some(NOW + 7 * 86400);
    tgt.over.whole = Some(tgt.encode());
    let mut cred = CredSpec::new(tgt, None);
    change(&mut cred);
    let octets = cred.tickets[0].encode();
    spec.gss().flags |= gss::DELEG;
    spec.gss().deleg = Some(cred.encode());
    (spec, octets)
}

fn wishing<M: Mount>(bench: &Bench) -> gss_acceptor::AcceptorConfig {
    let wish = bench.builder::<M>().request(Requirements::DELEGATE);
    wish.build().expect("builds")
}

fn let_in(config: &gss_acceptor::AcceptorConfig, token: &[u8]) -> Context {
    done(Acceptor::new(config).step(token)).context
}

pub fn rule_15_credentials_are_given_as_they_were_sent<M: Mount>() {
    let bench = Bench::new();
    let (spec, octets) = delegating(&bench, |c| {
        c.tickets[0].caddr = Some(vec![(2, vec![192, 0, 2, 7]), (24, vec![0xfd; 16])]);
        c.tickets[0].starttime = Some(NOW - 30);
    });
    let context = let_in(&wishing::<M>(&bench), &spec.token());
    assert!(context.granted().contains(Granted::DELEGATE));
    assert_eq!(context.delegation_problem(), None);
    let delegated = context.delegated().expect("delegated");
    let cache = delegated.kerberos().expect("Kerberos'");
    assert_eq!(cache.client().to_string(), "alice@EXAMPLE.TEST");
    let [tgt] = cache.credentials() else {
        panic!("{cache:?}");
    };
    assert_eq!(tgt.client.to_string(), "alice@EXAMPLE.TEST");
    assert_eq!(tgt.server.to_string(), "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST");
    assert_eq!(tgt.key_type(), EncryptionType(18));
    assert_eq!(tgt.session_key().expose(), bench.world.tgt_session().bytes);
    assert_eq!(tgt.auth_time, at(NOW - 60));
    assert_eq!(tgt.start_time, Some(at(NOW - 30)));
    assert_eq!(tgt.end_time, at(NOW + 8 * 3600));
    assert_eq!(tgt.renew_till, Some(at(NOW + 7 * 86400)));
    assert!(
        tgt.flags
            .contains(TicketFlags::FORWARDED | TicketFlags::FORWARDABLE)
    );
    assert_eq!(
        tgt.addresses,
        [(2, vec![192, 0, 2, 7]), (24, vec![0xfd; 16])]
    );
    assert_eq!(tgt.ticket, octets);
    assert!(cache.ticket_granting_ticket().is_some());
}

pub fn rule_15_what_nobody_asked_for_is_dropped<M: Mount>() {
    let bench = Bench::new();
    let (spec, _) = delegating(&bench, |_| ());
    let context = let_in(&bench.config::<M>(), &spec.token());
    assert!(context.delegated().is_none() && context.delegation_problem().is_none());
    assert!(!context.granted().contains(Granted::DELEGATE));
}

fn useless() -> impl Iterator<Item = Case> {
    let due = |case: &Case| case.expect == Expect::Reject("Delegation");
    cases::all().into_iter().filter(due)
}

/// What is rejected where delegation is required comes in where it is a wish, or nobody asked.
pub fn rule_15_useless_credentials_reject_only_where_required<M: Mount>() {
    let bench = Bench::new();
    let (wish, indifferent) = (wishing::<M>(&bench), bench.config::<M>());
    assert!(useless().count() > 30);
    for case in useless() {
        for config in [&wish, &indifferent] {
            let context = let_in(config, &(case.build)(&bench.world).token);
            assert_eq!(
                context.peer().to_string(),
                "alice@EXAMPLE.TEST",
                "{}",
                case.name
            );
            assert!(context.delegated().is_none(), "{}", case.name);
            assert!(
                !context.granted().contains(Granted::DELEGATE),
                "{}",
                case.name
            );
        }
        let context = let_in(&wish, &(case.build)(&bench.world).token);
        assert!(context.delegation_problem().is_some(), "{}", case.name);
    }
}

/// Of several things that are missing all are named; of delegation alone, what is wrong with it.
pub fn rule_15_the_error_says_which<M: Mount>() {
    let bench = Bench::new();
    let build = |flags| bench.builder::<M>().require(flags).build().expect("builds");
    let both = build(Requirements::DELEGATE | Requirements::IDENTIFY);
    let token = bench.world.ap_req().token();
    match rejected(fails(Acceptor::new(&both).step(&token)).error()) {
        Rejection::Requirement { missing, .. } => {
            assert_eq!(missing, Requirements::DELEGATE | Requirements::IDENTIFY);
        }
        other => panic!("{other}"),
    }
    let alone = build(Requirements::DELEGATE);
    let (spec, _) = delegating(&bench, |c| c.tickets[0].endtime = NOW - 1);
    let failure = fails(Acceptor::new(&alone).step(&spec.token()));
    assert_eq!(
        failure.error().status(),
        WindowsStatus::SEC_E_DELEGATION_REQUIRED
    );
    match rejected(failure.error()) {
        Rejection::Delegation {
            problem: DelegationProblem::Expired { end, now, .. },
        } => assert_eq!((end, now), (at(NOW - 1), at(NOW))),
        other => panic!("{other}"),
    }
}

/// A ticket that cannot be delegated further is of use all the same, and says what it is.
pub fn rule_15_not_forwardable_is_said<M: Mount>() {
    let bench = Bench::new();
    let config = wishing::<M>(&bench);
    for (forwardable, due) in [(true, "(forwardable)"), (false, "(not forwardable")] {
        let (spec, _) = delegating(&bench, |c| {
            let flags = &mut c.tickets[0].flags;
            *flags = if forwardable {
                *flags
            } else {
                *flags & !flag::FORWARDABLE
            };
        });
        let context = let_in(&config, &spec.token());
        let text = context.delegated().expect("delegated").to_string();
        for part in ["alice@EXAMPLE.TEST", "krbtgt/EXAMPLE.TEST", due] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        let secret = format!("{:?}", bench.world.tgt_session().bytes);
        let shown = format!("{:?} {context:?}", context.delegated());
        assert!(!shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
    }
}

/// A client that was rejected for its credentials spends no replay slot.
pub fn rule_15_a_rejection_spends_no_slot<M: Mount>() {
    let bench = Bench::new();
    let required = bench.builder::<M>().require(Requirements::DELEGATE);
    let store = std::sync::Arc::new(gss_acceptor::MemoryReplayStore::default());
    let required = required
        .replay_store(store.clone())
        .build()
        .expect("builds");
    let open = bench.builder::<M>().replay_store(store);
    let open = open.build().expect("builds");
    let token = bench.world.ap_req().token();
    assert!(Acceptor::new(&required).step(&token).is_err());
    done(Acceptor::new(&open).step(&token));
}

/// Rules 15 and 20: DCE style makes no difference, but that nobody has the credentials before the
/// third leg.
pub fn rule_15_delegated_in_dce_style<M: Mount>() {
    let bench = Bench::new();
    let required = bench.builder::<M>().require(Requirements::DELEGATE);
    let config = required.build().expect("builds");
    let (mut spec, octets) = delegating(&bench, |_| ());
    spec.gss().flags |= gss::DCE;
    spec.frame = Frame::bare();
    let mut acceptor = Acceptor::new(&config);
    let reply = goes_on(acceptor.step(&spec.token()));
    let mut client = spec.initiator();
    client.read_ap_rep(&reply).expect("a bare AP-REP");
    let context = done(acceptor.step(&client.third_leg().token())).context;
    let granted = Granted::DELEGATE | Granted::USED_DCE_STYLE;
    assert!(context.granted().contains(granted));
    let cache = context.delegated().and_then(|it| it.kerberos());
    assert_eq!(cache.expect("delegated").credentials()[0].ticket, octets);
    // Required and absent, there is no second leg.
    let mut bare = bench.world.ap_req();
    bare.gss().flags |= gss::DCE;
    bare.frame = Frame::bare();
    match rejected(fails(Acceptor::new(&config).step(&bare.token())).error()) {
        Rejection::Delegation { .. } => {}
        other => panic!("{other}"),
    }
}

/// Inside SPNEGO they are the same.
pub fn rule_15_delegated_inside_spnego<M: Mount>() {
    let bench = Bench::new();
    let required = bench.builder::<M>().require(Requirements::DELEGATE);
    let config = required.build().expect("builds");
    let (spec, octets) = delegating(&bench, |_| ());
    let offer = InitSpec::new(&[oid::KRB5], Some(spec.token()));
    let context = done(Acceptor::new(&config).step(&offer.token())).context;
    assert_eq!(context.framing(), Framing::Spnego);
    let cache = context.delegated().and_then(|it| it.kerberos());
    assert_eq!(cache.expect("delegated").credentials()[0].ticket, octets);
}

/// A cache keeps configuration in entries of a realm of its own (MIT krb5, Credential cache file
/// format): a ticket of that realm would be written as settings, not as a ticket.
pub fn rule_15_no_settings_for_a_cache<M: Mount>() {
    let bench = Bench::new();
    let config = wishing::<M>(&bench);
    let due = |realm: &[u8]| {
        let (spec, _) = delegating(&bench, |c| {
            let mut second = c.tickets[0].clone();
            second.over.whole = None;
            second.realm = realm.to_vec();
            second.sname = Name::new(NT_PRINCIPAL, &["krb5_ccache_conf_data", "start_realm"]);
            c.tickets.push(second);
        });
        let_in(&config, &spec.token())
    };
    let context = due(b"EXAMPLE.TEST");
    let cache = context.delegated().and_then(|it| it.kerberos());
    assert_eq!(cache.expect("delegated").credentials().len(), 2);
    let context = due(b"X-CACHECONF:");
    assert!(context.delegated().is_none());
    match context.delegation_problem() {
        Some(DelegationProblem::Malformed { problem, .. }) => {
            assert!(problem.contains("realm"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}
