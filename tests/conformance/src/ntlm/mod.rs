//! NTLM (MS-NLMP): rules 33 to 39, and what 28, 30, 36 and 40 say of it.

pub mod integrity;
pub mod logon;
pub mod negotiated;
pub mod session;

use crate::bench::{Bench, Done, TurnClock, done, fails, goes_on, rejected};
use gss_acceptor::accounts::{MemoryAccounts, NtHash};
use gss_acceptor::backends::Backend;
use gss_acceptor::{
    Acceptor, AcceptorConfig, Clock, ConfigBuilder, Failure, Keytab, LogonProblem, Mechanism, Ntlm,
    NtlmRejection, Rejection, Step,
};
use kit::ntlm::{Authenticate, Challenge, HASH, flags, negotiate};
use std::sync::Arc;

/// A backend that speaks NTLM.
pub trait NtlmMount {
    /// Whether every context is moved to another process before it is used.
    const MOVED: bool = false;

    /// Its type.
    type Backend: Backend + 'static;

    /// With these accounts alone.
    fn ntlm(ntlm: Ntlm) -> Self::Backend;

    /// With keys besides.
    fn both(keytab: Keytab, ntlm: Ntlm) -> Self::Backend;
}

/// Makes one test of every function of the suite.
#[macro_export]
macro_rules! mount_ntlm {
    ($mount:ty) => {
        $crate::ntlm_tests! { $mount;
            logon: rule_33_the_right_password, rule_33_the_wrong_password,
                rule_33_no_version_1_and_no_lm, rule_33_the_proof_comes_first,
                rule_33_domains_as_sent_then_none, rule_33_upper_case_is_one_to_one,
                rule_33_names_and_their_tricks,
                rule_36_the_client_cannot_tell, rule_36_nor_by_the_time,
                rule_36_nobody_only_where_allowed, rule_36_nobody_protects_nothing,
                rule_36_an_empty_name_is_no_account,
                rule_37_a_source_that_answers_later, rule_37_a_source_that_cannot_tell,
                rule_37_a_directory_that_compares_itself, rule_37_guests_are_nobody,
                rule_37_supplied_accounts, rule_37_the_source_sees_the_logon,
                rule_37_a_source_is_asked_for_names_alone;
            integrity: rule_34_a_mic_that_is_announced_is_owed, rule_34_a_stripped_mic,
                rule_34_altered_flags, rule_34_altered_messages, rule_34_every_bit_counts,
                rule_34_without_version,
                rule_34_clients_without_a_mic, rule_35_bindings, rule_35_target_names,
                rule_35_our_target_information_comes_back, rule_35_pairs_are_bounded,
                rule_35_our_challenge_is_complete,
                rule_39_challenges_differ, rule_39_one_answer_for_one_challenge,
                rule_39_a_challenge_dies_with_age, rule_39_messages_out_of_turn,
                rule_40_a_negotiate_is_short, rule_40_half_open_is_counted,
                rule_40_parts_lie_where_they_may;
            session: rule_38_sealed_both_ways, rule_38_signed_both_ways,
                rule_38_a_client_that_wants_neither, rule_38_nothing_weak,
                rule_38_key_exchange, rule_38_a_key_that_is_no_key,
                rule_38_a_mic_under_the_exchanged_key, rule_38_character_sets,
                rule_38_short_forms, rule_38_numbers_are_strict, rule_25_the_session_key,
                rule_38_connectionless_is_refused, ntlm_cannot_and_says_so;
            negotiated: rule_28_raw_and_negotiated, rule_28_off_unless_enabled,
                rule_28_hints_name_it, rule_28_without_credentials_refused_at_build,
                rule_30_mics_both_ways_and_messages_after, rule_30_a_mic_is_owed,
                rule_30_a_wrong_mic, rule_30_a_stripped_offer, rule_30_no_integrity_no_mic,
                rule_30_chosen_and_not_first,
                rule_32_what_the_policy_refuses_is_told, rule_32_a_failed_logon_ends_it;
        }
    };
}

/// See [`mount_ntlm!`].
#[doc(hidden)]
#[macro_export]
macro_rules! ntlm_tests {
    ($mount:ty; $($module:ident: $($name:ident),* ;)*) => {
        $($(
            #[test]
            fn $name() {
                if <$mount as $crate::ntlm::NtlmMount>::MOVED {
                    $crate::moved::move_contexts();
                }
                $crate::ntlm::$module::$name::<$mount>();
            }
        )*)*
    };
}

/// The accounts: alice of this server, bob of CORP, one that is disabled; everybody's password is
/// "Password".
pub fn accounts() -> MemoryAccounts {
    let hash = || NtHash::from_bytes(HASH);
    MemoryAccounts::new()
        .user("Alice", hash())
        .domain_user("CORP", "bob", hash())
        .disabled("", "mallory")
}

/// NTLM's side of the server, with all names.
pub fn server() -> Ntlm {
    named(Ntlm::new(accounts()))
}

/// The same with other accounts.
pub fn named(ntlm: Ntlm) -> Ntlm {
    ntlm.computer("WEB")
        .domain("CORP")
        .dns_computer("web.corp.test")
        .dns_domain("corp.test")
        .dns_tree("corp.test")
}

/// A configuration with a clock to turn.
pub fn builder<M: NtlmMount>(ntlm: Ntlm) -> (ConfigBuilder, Arc<TurnClock>) {
    let clock = Bench::new().clock;
    let builder = AcceptorConfig::builder(M::ntlm(ntlm))
        .mechanisms(&[Mechanism::Ntlm])
        .clock(Arc::clone(&clock) as Arc<dyn Clock>);
    (builder, clock)
}

/// The plain configuration.
pub fn config<M: NtlmMount>() -> AcceptorConfig {
    builder::<M>(server()).0.build().expect("builds")
}

/// A handshake after its first leg.
pub struct Half {
    /// The acceptor.
    pub acceptor: Acceptor,
    /// What the client sent.
    pub negotiate: Vec<u8>,
    /// What it got.
    pub challenge: Challenge,
}

/// The first leg.
pub fn begin(config: &AcceptorConfig, asked: u32) -> Half {
    begin_with(config, negotiate(asked))
}

/// The first leg with this message.
pub fn begin_with(config: &AcceptorConfig, negotiate: Vec<u8>) -> Half {
    let mut acceptor = Acceptor::new(config);
    let token = goes_on(acceptor.step(&negotiate));
    let challenge = Challenge::read(&token).expect("a CHALLENGE");
    Half {
        acceptor,
        negotiate,
        challenge,
    }
}

impl Half {
    /// A client's ordinary answer.
    pub fn answer(&self, user: &str, domain: &str) -> Authenticate {
        Authenticate::answer(&self.negotiate, &self.challenge, user, domain)
    }

    /// The second leg.
    pub fn send(mut self, answer: &Authenticate) -> Result<Step, Failure> {
        self.acceptor.step(&answer.token())
    }
}

/// A whole handshake of alice's, with something changed in her answer.
pub fn attempt(
    config: &AcceptorConfig,
    asked: u32,
    change: impl FnOnce(&mut Authenticate),
) -> Result<Step, Failure> {
    let half = begin(config, asked);
    let mut answer = half.answer("alice", "");
    change(&mut answer);
    half.send(&answer)
}

/// The same, which must get in.
pub fn enters(config: &AcceptorConfig, asked: u32, change: impl FnOnce(&mut Authenticate)) -> Done {
    done(attempt(config, asked, change))
}

/// The same, which must be refused for a reason of NTLM's; nothing is told to the client.
pub fn refused(
    config: &AcceptorConfig,
    asked: u32,
    change: impl FnOnce(&mut Authenticate),
) -> NtlmRejection {
    reason(&fails(attempt(config, asked, change)))
}

/// NTLM's reason of a failure.
pub fn reason(failure: &Failure) -> NtlmRejection {
    assert_eq!(failure.token(), None, "{failure}");
    match rejected(failure.error()) {
        Rejection::Ntlm(reason) => reason,
        other => panic!("{other}"),
    }
}

/// What was wrong with a logon.
pub fn problem(reason: NtlmRejection) -> LogonProblem {
    match reason {
        NtlmRejection::Logon { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

/// What a Windows client asks for.
pub const SEALING: u32 = flags::SEALING;
/// What a browser asks for.
pub const PLAIN: u32 = flags::PLAIN;
