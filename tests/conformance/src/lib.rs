//! The conformance suite: what a correct acceptor does, rule by rule (the numbers are those of
//! protocols.md), for every backend alike.
//!
//! A backend is mounted with [`Mount`] and [`mount!`], which makes one test of each function of
//! the suite. What the backend cannot meet is listed by the mount, each with its reason, and the
//! suite asserts that it is so: an entry that is no longer true fails.
//!
//! Tokens are forged by `kit`, which shares no code with the crate; before a token is trusted,
//! MIT krb5 and Heimdal have judged it (`kit`'s own tests hold the record to what they do).

#![allow(clippy::missing_panics_doc, clippy::must_use_candidate)]

pub mod bench;
pub mod bindings;
pub mod class;
pub mod credentials;
pub mod dce;
pub mod delegation;
pub mod flags;
pub mod limits;
pub mod messages;
pub mod moved;
pub mod negotiation;
pub mod ntlm;
pub mod prompt;
pub mod rc4;
pub mod replay;
pub mod retry;
pub mod runner;
pub mod stores;
pub mod tokens;
pub mod user_to_user;

use bench::TurnClock;
use gss_acceptor::backends::Backend;
use gss_acceptor::{Clock, ConfigBuilder, Keytab, Requirements, UserToUser};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A backend under test.
pub trait Mount {
    /// Its type.
    type Backend: Backend + 'static;

    /// Its name, for messages.
    const NAME: &'static str;

    /// The backend with these keys.
    fn backend(keytab: Keytab) -> Self::Backend;

    /// The backend with its own TGT, and with these keys. One that cannot lists the tests of
    /// user-to-user in [`cannot`](Self::cannot).
    fn user_to_user(_: UserToUser, _: Option<Keytab>) -> Self::Backend {
        panic!("the {} backend takes no TGT", Self::NAME)
    }

    /// Sets the clock that decides. A backend whose library reads the system's has another way
    /// than the builder's.
    fn clock(builder: ConfigBuilder, clock: &Arc<TurnClock>) -> ConfigBuilder {
        builder.clock(Arc::clone(clock) as Arc<dyn Clock>)
    }

    /// Whether every context is moved to another process before it is used.
    const MOVED: bool = false;

    /// Whether the crate's own code says why a client is refused. A library tells clients what
    /// it will, and does not name to the server all that it has found.
    const OWN_WORDS: bool = true;

    /// Whether it tells who came in, to whom, and by which key; and why somebody was refused. Of
    /// one that does not, it is asserted that it keeps the names to itself.
    const TELLS: bool = true;

    /// Forged tokens that it does not treat as is due.
    fn exceptions() -> &'static [Exception] {
        &[]
    }

    /// Tests of the suite that it cannot pass, and why.
    fn cannot() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The requirements that `build()` must refuse to it.
    fn refused() -> Requirements;
}

/// A forged token that a backend does not treat as is due.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// The case of `kit`.
    pub case: &'static str,
    /// What happens instead.
    pub instead: Instead,
    /// Why.
    pub why: &'static str,
}

/// What happens to a case that is an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Its setting is refused by `build()`.
    RefusedAtBuild,
    /// The client is let in.
    Accept,
    /// Another leg follows.
    Continue,
    /// The step is refused as the server's mistake: what it gives is not supported.
    Misuse,
    /// Refused, for a reason of this class.
    Reject(&'static str),
    /// Refused, and the library does not tell why, or tells another reason that fits.
    Refuse,
}

/// Runs one test of the suite; one that the backend cannot pass must fail.
pub fn run<M: Mount>(name: &str, test: fn()) {
    if M::MOVED {
        moved::move_contexts();
    }
    match M::cannot().iter().find(|(test, _)| *test == name) {
        None => test(),
        Some((_, why)) => assert!(
            catch_unwind(AssertUnwindSafe(test)).is_err(),
            "{name} passes on the {} backend, which is said not to: {why}",
            M::NAME
        ),
    }
}

/// Makes one test of every function of the suite.
#[macro_export]
macro_rules! mount {
    ($mount:ty) => {
        $crate::tests! { $mount;
            tokens: every_case_is_in_a_group, the_table_explains_every_difference,
                exceptions_are_cases,
                rule_01_frames, rule_02_names, rule_03_versions_and_numbers, rule_04_keys,
                rule_05_targets, rule_07_etypes, rule_08_identity, rule_09_tickets,
                rule_10_clock, rule_11_transited, rule_12_replay, rule_13_mutual,
                rule_14_subkeys, rule_15_gss_checksum, rule_16_other_checksums,
                rule_17_bindings, rule_19_replies, rule_21_errors, rule_28_first_tokens,
                rule_29_mechanisms, rule_30_mic, rule_31_first_reply, rule_32_one_mechanism;
            replay: rule_12_the_same_token_twice, rule_12_two_threads_race_one_wins,
                rule_12_kept_until_ctime_and_skew_have_passed, rule_12_a_full_store_refuses,
                rule_12_a_refused_token_spends_no_slot, rule_12_the_policy_spends_no_slot,
                rule_12_identified_by_the_ciphertext_alone, rule_12_reject_before_start,
                rule_12_other_handshakes_share_the_store;
            stores: rule_12_a_store_that_answers_later, rule_12_a_store_that_is_unavailable,
                rule_12_a_dropped_future_ends_the_handshake,
                rule_12_what_the_store_is_told, rule_12_who_is_refused_is_not_answered;
            retry: rule_21_raw_retry_once_and_no_more, rule_21_retry_whatever_the_mutual_flag,
                rule_21_a_ticket_not_yet_valid_may_be_another,
                rule_21_spnego_retry_once_and_no_more,
                rule_21_not_without_extended_error, rule_21_a_failed_retry_is_final,
                rule_21_no_error_for_who_does_not_wait, rule_21_clients_error_ends_it;
            user_to_user: rule_13_the_tgt_is_given_and_used, rule_13_without_asking_first,
                rule_13_keys_are_not_mixed, rule_13_required, rule_13_a_tgt_alone,
                rule_13_build_refuses_without_a_tgt, rule_13_other_names, rule_13_any_name,
                rule_13_services, rule_13_a_tgt_that_has_ended, rule_13_etypes,
                rule_13_a_renewed_tgt_is_noticed, rule_13_caches_that_cannot_be_used,
                rule_13_described, rule_13_spnego_as_windows, rule_13_spnego_by_its_own_oid,
                rule_13_spnego_without_a_tgt, rule_13_order_of_tokens,
                rule_13_malformed_requests, rule_13_the_retry, rule_13_replays,
                rule_13_supplied_credentials, rule_07_a_tgt_acquired_elsewhere;
            negotiation: rule_28_hints_then_negotiation, rule_28_hints_once,
                rule_28_other_forms_of_continuation, rule_28_rejects_mean_the_end,
                rule_29_reply_repeats_the_listed_oid, rule_29_nothing_in_common,
                rule_30_request_mic_both_ways, rule_30_request_mic_without_mutual,
                rule_30_request_mic_missing, rule_30_request_mic_wrong,
                rule_30_request_mic_must_come_alone, rule_30_a_second_mic,
                rule_30_volunteered_mic_is_answered, rule_30_volunteered_mic_is_checked,
                rule_30_over_the_exact_octets, rule_30_windows_2000_repeats_the_token,
                rule_30_without_integrity_none, rule_30_messages_go_on_after_the_mic,
                rule_31_supported_mech_is_ours, rule_31_the_first_reply_is_always_sent,
                rule_32_no_second_mechanism;
            limits: rule_01_token_limit_is_settable, rule_40_legs, rule_40_bytes, rule_40_age,
                rule_40_the_negotiation_is_rejected, rule_40_a_clock_set_back, rule_40_half_open,
                rule_41_step_after_end, rule_41_after_any_failure, rule_41_misuse_ends_it;
            bindings: rule_17_outcomes, rule_17_step_without_bindings,
                rule_17_bindings_may_not_change, rule_17_java_is_named,
                rule_17_flags_of_sspi_set_the_policy, rule_18_certificates;
            credentials: rule_03_versions_are_told_apart_in_all_their_bits, rule_04_alias_bound, rule_04_errors_name_what_is_where,
                rule_05_target_is_the_keytabs,
                rule_06_ten_thousand_entries, rule_08_the_identity_is_the_tickets, rule_09_addresses, rule_10_the_error_names_both,
                rule_11_capaths, rule_42_a_changed_keytab_is_noticed,
                rule_42_a_half_written_keytab_never_replaces,
                rule_42_a_keytab_is_read_when_it_keeps_still, rule_42_a_missing_keytab_keeps_keys,
                rule_42_world_readable_warns,
                supplied_credentials_replace_the_configs, supplied_credentials_last_the_handshake,
                supplied_credentials_are_not_dropped,
                keytabs_that_cannot_be_used_are_told_apart;
            prompt: prompt_answers_serve_one_handshake, prompt_answers_of_every_kind,
                prompt_is_asked_for_what_is_missing_alone, prompt_is_asked_once,
                prompt_may_answer_later, prompt_waits_are_bounded, prompt_and_supplied_credentials,
                prompt_and_its_flag_belong_together;
            delegation: rule_15_credentials_are_given_as_they_were_sent,
                rule_15_what_nobody_asked_for_is_dropped,
                rule_15_useless_credentials_reject_only_where_required,
                rule_15_the_error_says_which, rule_15_not_forwardable_is_said,
                rule_15_a_rejection_spends_no_slot, rule_15_delegated_in_dce_style,
                rule_15_delegated_inside_spnego, rule_15_no_settings_for_a_cache;
            rc4: rule_07_rc4_by_name_alone, rule_14_rc4_subkeys, rule_23_rc4_both_ways,
                rule_23_rc4_forged_tokens_fail;
            messages: rule_14_pac_is_kept_from_the_ticket_alone, rule_19_fresh_each_time,
                rule_19_send_sequence_without_reply, rule_22_expiry_is_the_tickets_end,
                rule_22_after_expiry, rule_22_expired_contexts_may_go_on,
                rule_23_every_etype_both_ways, rule_23_wrap_oddities_are_understood,
                rule_23_altered_tokens_fail, rule_23_sequence_states,
                rule_23_no_flags_no_states, rule_23_replay_flag_alone,
                rule_23_a_forged_number_moves_nothing,
                rule_23_datagrams_have_no_order, rule_23_what_was_not_granted,
                rule_24_in_place_equals_copying, rule_24_sizes, rule_25_session_key,
                rule_25_prf_is_rfc_4402s;
            dce: rule_20_three_legs, rule_20_third_legs, rule_20_third_leg_of_another_handshake, rule_20_the_first_leg_counts_once, rule_20_required_requested_or_neither, rule_20_four_legs_in_spnego, rule_20_mic_comes_with_the_third_leg, rule_20_third_legs_in_spnego, rule_20_the_skew_retry, rule_20_limits_hold, rule_20_what_the_client_did_not_ask_for;
            flags: each_flag_is_refused_or_makes_a_difference, build_refuses_contradictions,
                build_refuses_what_cannot_leave_the_process,
                required_and_absent_is_rejected, what_cannot_be_had_is_left_out,
                describe_tells_the_configuration;
        }
    };
}

/// See [`mount!`].
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($mount:ty; $($module:ident: $($name:ident),* ;)*) => {
        $($(
            #[test]
            fn $name() {
                $crate::run::<$mount>(stringify!($name), $crate::$module::$name::<$mount>);
            }
        )*)*
    };
}
