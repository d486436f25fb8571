//! What cannot pass through a broker, by its reason. Each is held to fail.

use crate::table::Group;
use conformance::Instead;

pub const TOKENS: &[Group] = &[Group {
    why: "what is wrong with delegated credentials comes over in words",
    instead: Instead::Refuse,
    cases: &[
        "delegated_another_client",
        "delegated_another_realm",
        "delegated_ends_now",
        "delegated_expired",
        "delegated_field_without_flag",
        "delegated_invalid",
        "delegated_key_empty",
        "delegated_key_of_31_octets",
        "delegated_message_type_21",
        "delegated_nine_tickets",
        "delegated_no_ticket_granting_ticket",
        "delegated_not_yet_valid",
        "delegated_nothing_at_all",
        "delegated_plain_as_sealed",
        "delegated_plain_cut",
        "delegated_plain_with_octet_after",
        "delegated_pvno_4",
        "delegated_sealed_as_another_etype",
        "delegated_sealed_as_plain",
        "delegated_sealed_cut",
        "delegated_sealed_to_nothing",
        "delegated_sealed_with_octet_after",
        "delegated_second_ticket_of_another",
        "delegated_under_service_key",
        "delegated_under_strangers_key",
        "delegated_usage_11",
        "delegated_with_octet_after",
        "delegated_without_end",
        "delegation_absent_but_required",
        "delegation_absent_forwardable",
        "delegation_absent_ok_as_delegate",
        "delegation_absent_without_checksum",
        "delegation_does_not_parse_but_required",
        "delegation_flag_alone_but_required",
    ],
}];

/// Over MIT's library: what is so because of the broker, in place of what the library alone does.
pub const MIT_TOKENS: &[Group] = &[Group {
    why: "what is wrong with delegated credentials comes over in words",
    instead: Instead::Refuse,
    cases: &[
        "delegated_another_client",
        "delegated_another_realm",
        "delegated_ends_now",
        "delegated_expired",
        "delegated_field_without_flag",
        "delegated_invalid",
        "delegated_key_empty",
        "delegated_key_of_31_octets",
        "delegated_no_ticket_granting_ticket",
        "delegated_not_yet_valid",
        "delegated_without_end",
        "delegation_absent_but_required",
        "delegation_absent_forwardable",
        "delegation_absent_ok_as_delegate",
        "delegation_absent_without_checksum",
    ],
}];

pub const GROUPS: &[(&str, &[&str])] = &[
    (
        "the application is not asked for credentials: they are the broker's",
        &[
            "prompt_and_its_flag_belong_together",
            "prompt_and_supplied_credentials",
            "prompt_answers_of_every_kind",
            "prompt_answers_serve_one_handshake",
            "prompt_is_asked_for_what_is_missing_alone",
            "prompt_is_asked_once",
            "prompt_may_answer_later",
            "prompt_waits_are_bounded",
        ],
    ),
    (
        "credentials do not come from the application: they are the broker's",
        &[
            "supplied_credentials_are_not_dropped",
            "supplied_credentials_last_the_handshake",
            "supplied_credentials_replace_the_configs",
        ],
    ),
    (
        "the replay store is the broker's",
        &[
            "rule_12_a_dropped_future_ends_the_handshake",
            "rule_12_a_full_store_refuses",
            "rule_12_a_refused_token_spends_no_slot",
            "rule_12_a_store_that_answers_later",
            "rule_12_a_store_that_is_unavailable",
            "rule_12_kept_until_ctime_and_skew_have_passed",
            "rule_12_other_handshakes_share_the_store",
            "rule_12_reject_before_start",
            "rule_12_the_policy_spends_no_slot",
            "rule_12_what_the_store_is_told",
            "rule_12_who_is_refused_is_not_answered",
            "rule_15_a_rejection_spends_no_slot",
        ],
    ),
    (
        "the clock skew is the broker's",
        &["rule_10_the_error_names_both"],
    ),
    (
        "trusted paths of realms are the broker's",
        &["rule_11_capaths"],
    ),
    (
        "the broker of this suite does not permit rc4-hmac",
        &[
            "rule_07_a_tgt_acquired_elsewhere",
            "rule_07_rc4_by_name_alone",
            "rule_14_rc4_subkeys",
            "rule_23_rc4_both_ways",
            "rule_23_rc4_forged_tokens_fail",
        ],
    ),
    (
        "why a configuration is refused there comes over in words",
        &[
            "build_refuses_contradictions",
            "rule_13_build_refuses_without_a_tgt",
        ],
    ),
    (
        "the test sets the clock of the application, which is not the one that decides",
        &[
            "each_flag_is_refused_or_makes_a_difference",
            "rule_13_a_renewed_tgt_is_noticed",
            "rule_13_a_tgt_alone",
            "rule_13_a_tgt_that_has_ended",
            "rule_13_any_name",
            "rule_13_caches_that_cannot_be_used",
            "rule_13_described",
            "rule_13_etypes",
            "rule_13_keys_are_not_mixed",
            "rule_13_malformed_requests",
            "rule_13_order_of_tokens",
            "rule_13_other_names",
            "rule_13_replays",
            "rule_13_required",
            "rule_13_services",
            "rule_13_spnego_as_windows",
            "rule_13_spnego_by_its_own_oid",
            "rule_13_supplied_credentials",
            "rule_13_the_retry",
            "rule_13_the_tgt_is_given_and_used",
            "rule_13_without_asking_first",
        ],
    ),
    (
        "a broker whose keytab cannot be used does not start",
        &["keytabs_that_cannot_be_used_are_told_apart"],
    ),
    (
        "what is described is how it was when the application connected, and no more than 4096 principals",
        &[
            "rule_06_ten_thousand_entries",
            "rule_42_a_changed_keytab_is_noticed",
            "rule_42_a_half_written_keytab_never_replaces",
            "rule_42_a_missing_keytab_keeps_keys",
        ],
    ),
    (
        "the broker takes no longer tokens than its own limit",
        &["rule_01_token_limit_is_settable"],
    ),
    (
        "a step that waits for the broker is half open meanwhile",
        &["rule_40_half_open", "rule_40_the_negotiation_is_rejected"],
    ),
    (
        "what is wrong with delegated credentials comes over in words",
        &[
            "rule_15_no_settings_for_a_cache",
            "rule_15_the_error_says_which",
        ],
    ),
];
