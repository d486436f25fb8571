//! Tests of the suite that MIT krb5 1.20 cannot pass, by their reason. Each is held to fail.

pub const GROUPS: &[(&str, &[&str])] = &[
    (
        "MIT's AP-REP repeats a client's RC4 subkey",
        &["rule_14_rc4_subkeys"],
    ),
    (
        "under RC4 MIT takes the last octet for the padding's length, whatever it is",
        &["rule_23_rc4_forged_tokens_fail"],
    ),
    (
        "the library has NTLM, with accounts of its own",
        &["build_refuses_contradictions"],
    ),
    (
        "PROXY_BINDINGS is a policy, AnyPresent, that cannot be applied",
        &["each_flag_is_refused_or_makes_a_difference"],
    ),
    (
        "the application is not asked for credentials by this backend",
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
        "MIT tries the other versions of a key also when it has the one asked for",
        &["rule_03_versions_are_told_apart_in_all_their_bits"],
    ),
    (
        "the library tries every key of the keytab",
        &["rule_04_alias_bound"],
    ),
    (
        "libraries do not compare the client's address, so a step that gives it is refused",
        &["rule_09_addresses"],
    ),
    (
        "krb5.conf has the clock skew, and clock_skew is refused at build",
        &["rule_10_the_error_names_both"],
    ),
    ("krb5.conf has the capaths", &["rule_11_capaths"]),
    (
        "a token is remembered for twice the skew, so a store is full sooner",
        &["rule_12_a_full_store_refuses"],
    ),
    (
        "a token that the rules refuse and the library takes spends a slot",
        &["rule_12_a_refused_token_spends_no_slot"],
    ),
    (
        "the library may block, and the test asks for a configuration that does not",
        &["rule_12_a_store_that_answers_later"],
    ),
    (
        "when a token was made is encrypted, so reject_before_start is refused at build",
        &["rule_12_reject_before_start"],
    ),
    (
        "the library takes its own identifier alone inside of SPNEGO",
        &["rule_12_the_same_token_twice"],
    ),
    (
        "when a token was made is encrypted: it is remembered for twice the skew",
        &["rule_12_what_the_store_is_told"],
    ),
    (
        "no libgssapi accepts user-to-user",
        &[
            "rule_13_a_renewed_tgt_is_noticed",
            "rule_13_a_tgt_alone",
            "rule_13_a_tgt_that_has_ended",
            "rule_13_any_name",
            "rule_13_build_refuses_without_a_tgt",
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
            "rule_13_spnego_without_a_tgt",
            "rule_13_supplied_credentials",
            "rule_07_a_tgt_acquired_elsewhere",
            "rule_13_the_retry",
            "rule_13_the_tgt_is_given_and_used",
            "rule_13_without_asking_first",
        ],
    ),
    (
        "MIT checks the PAC by itself, and the test's is none",
        &["rule_14_pac_is_kept_from_the_ticket_alone"],
    ),
    (
        "MIT hands out no credentials in DCE style",
        &["rule_15_delegated_in_dce_style"],
    ),
    (
        "MIT keeps the first of the tickets and drops the others",
        &["rule_15_no_settings_for_a_cache"],
    ),
    (
        "the library refuses credentials that do not parse, also unasked",
        &["rule_15_useless_credentials_reject_only_where_required"],
    ),
    (
        "it cannot be told whether bindings were sent: AnyPresent is refused at build",
        &[
            "rule_17_flags_of_sspi_set_the_policy",
            "rule_17_step_without_bindings",
        ],
    ),
    (
        "MIT does not tell what is wrong with bindings",
        &["rule_17_java_is_named", "rule_17_outcomes"],
    ),
    (
        "the library refuses a MIC before the third leg's turn",
        &["rule_20_mic_comes_with_the_third_leg"],
    ),
    (
        "a DCE-style AP-REQ is looked up when the handshake ends; MIT offers no retry",
        &[
            "rule_20_the_first_leg_counts_once",
            "rule_20_the_skew_retry",
        ],
    ),
    (
        "the library does not say what is wrong with the third leg",
        &[
            "rule_20_third_leg_of_another_handshake",
            "rule_20_third_legs",
            "rule_20_third_legs_in_spnego",
        ],
    ),
    (
        "MIT adds its skew to the end of a context",
        &[
            "rule_20_three_legs",
            "rule_22_after_expiry",
            "rule_22_expiry_is_the_tickets_end",
        ],
    ),
    (
        "MIT tells the time and ends, and tells who asked for mutual authentication alone",
        &[
            "rule_21_a_ticket_not_yet_valid_may_be_another",
            "rule_21_retry_whatever_the_mutual_flag",
            "rule_21_a_failed_retry_is_final",
            "rule_21_clients_error_ends_it",
            "rule_21_no_error_for_who_does_not_wait",
            "rule_21_raw_retry_once_and_no_more",
            "rule_21_spnego_retry_once_and_no_more",
        ],
    ),
    (
        "MIT takes a message under the client's subkey too",
        &["rule_23_altered_tokens_fail"],
    ),
    (
        "a continuation without the SEQUENCE tag cannot be read in full, and is refused",
        &["rule_28_other_forms_of_continuation"],
    ),
    (
        "the library does not say that the client has ended it",
        &[
            "rule_28_rejects_mean_the_end",
            "rule_31_supported_mech_is_ours",
        ],
    ),
    (
        "MIT has its own errors for mechListMIC, and answers no MIC that it did not ask for",
        &[
            "rule_30_a_second_mic",
            "rule_30_request_mic_missing",
            "rule_30_volunteered_mic_is_answered",
            "rule_30_windows_2000_repeats_the_token",
        ],
    ),
    (
        "MIT takes a MIC under the client's subkey too",
        &["rule_30_request_mic_wrong"],
    ),
    (
        "MIT offers no second try in which they could be used",
        &["supplied_credentials_last_the_handshake"],
    ),
];
