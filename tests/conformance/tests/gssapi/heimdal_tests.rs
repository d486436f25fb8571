//! Tests of the suite that Heimdal 7.8 cannot pass, by their reason. Each is held to fail.

pub const GROUPS: &[(&str, &[&str])] = &[
    (
        "krb5.conf has the encryption types, and insecure_rc4 is refused at build",
        &[
            "rule_07_rc4_by_name_alone",
            "rule_14_rc4_subkeys",
            "rule_23_rc4_both_ways",
            "rule_23_rc4_forged_tokens_fail",
        ],
    ),
    (
        "Heimdal chooses NTLM where that is offered before Kerberos, which ends it here",
        &["rule_40_the_negotiation_is_rejected"],
    ),
    (
        "encryption types cannot be chosen with Heimdal",
        &["build_refuses_contradictions"],
    ),
    (
        "Heimdal does not tell whether a context is bound: WhenSent and Require are refused at build",
        &[
            "describe_tells_the_configuration",
            "rule_17_bindings_may_not_change",
            "rule_17_java_is_named",
            "rule_17_outcomes",
            "rule_18_certificates",
            "rule_41_misuse_ends_it",
        ],
    ),
    (
        "PROXY_BINDINGS and ALLOW_MISSING_BINDINGS are policies that cannot be applied",
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
        "Heimdal finds a version by its low 8 bits too",
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
        "the library takes its own identifier alone",
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
        "Heimdal checks the PAC by itself, and the test's is none",
        &["rule_14_pac_is_kept_from_the_ticket_alone"],
    ),
    (
        "in DCE style the library answers before it says what was delegated",
        &["rule_15_delegated_in_dce_style"],
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
        "Heimdal counts its sequence numbers above 2^31 in another way",
        &["rule_19_send_sequence_without_reply"],
    ),
    (
        "Heimdal's sealed tokens in DCE style are not read by the test's client",
        &["rule_20_four_legs_in_spnego", "rule_20_three_legs"],
    ),
    (
        "Heimdal does not say request-mic",
        &[
            "rule_20_mic_comes_with_the_third_leg",
            "rule_30_request_mic_wrong",
        ],
    ),
    (
        "a DCE-style AP-REQ is looked up when the handshake ends; Heimdal has a retry of its own",
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
        "Heimdal has no answer to it",
        &["rule_20_what_the_client_did_not_ask_for"],
    ),
    (
        "Heimdal's retry is its own: it has no e-data, and is inside SPNEGO a reject",
        &[
            "rule_21_a_ticket_not_yet_valid_may_be_another",
            "rule_21_clients_error_ends_it",
            "rule_21_no_error_for_who_does_not_wait",
            "rule_21_raw_retry_once_and_no_more",
            "rule_21_spnego_retry_once_and_no_more",
        ],
    ),
    (
        "the end is given as an upper bound",
        &["rule_22_expiry_is_the_tickets_end"],
    ),
    (
        "Heimdal looks at the sequence number first and checks no message that is not the next one",
        &[
            "rule_23_a_forged_number_moves_nothing",
            "rule_23_altered_tokens_fail",
            "rule_23_datagrams_have_no_order",
            "rule_23_replay_flag_alone",
            "rule_23_sequence_states",
        ],
    ),
    (
        "Heimdal does not take every layout of RFC 4121",
        &["rule_23_wrap_oddities_are_understood"],
    ),
    (
        "Heimdal does not take a token of no data",
        &["rule_24_in_place_equals_copying"],
    ),
    (
        "Heimdal has no pseudo-random function for the types of RFC 8009",
        &["rule_25_prf_is_rfc_4402s"],
    ),
    (
        "Heimdal names the first of its own hints",
        &["rule_28_hints_then_negotiation"],
    ),
    (
        "a continuation without the SEQUENCE tag cannot be read in full, and is refused",
        &["rule_28_other_forms_of_continuation"],
    ),
    (
        "Heimdal does not look at the client's state and mechanism",
        &[
            "rule_28_rejects_mean_the_end",
            "rule_31_supported_mech_is_ours",
        ],
    ),
    (
        "Heimdal takes its own identifier alone",
        &["rule_29_reply_repeats_the_listed_oid"],
    ),
    (
        "Heimdal does not say request-mic, and has its own errors for mechListMIC",
        &[
            "rule_30_a_second_mic",
            "rule_30_messages_go_on_after_the_mic",
            "rule_30_over_the_exact_octets",
            "rule_30_request_mic_both_ways",
            "rule_30_request_mic_missing",
            "rule_30_request_mic_must_come_alone",
            "rule_30_request_mic_without_mutual",
            "rule_30_volunteered_mic_is_answered",
            "rule_30_volunteered_mic_is_checked",
            "rule_30_windows_2000_repeats_the_token",
            "rule_30_without_integrity_none",
        ],
    ),
    (
        "Heimdal offers no second try in which they could be used",
        &["supplied_credentials_last_the_handshake"],
    ),
];
