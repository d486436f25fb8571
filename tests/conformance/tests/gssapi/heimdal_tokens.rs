//! Forged tokens that Heimdal 7.8 does not treat as is due: what happens instead, and why.

use conformance::Instead::{Accept, Continue, Misuse, Refuse, RefusedAtBuild, Reject};

use crate::table::Group;

pub const GROUPS: &[Group] = &[
    Group {
        why: "libraries step over what follows the fields that they know, in any order",
        instead: Accept,
        cases: &[
            "ticket_addresses_after_authdata",
            "ticket_authdata_twice",
            "client_subkey_after_sequence",
            "client_sequence_twice",
        ],
    },
    Group {
        why: "Heimdal takes its own identifier alone",
        instead: Reject("BadMechanism"),
        cases: &["frame_ms_krb5", "frame_old_krb5"],
    },
    Group {
        why: "libraries read one octet of length there; lengths that are not minimal pass everywhere here",
        instead: Reject("Malformed"),
        cases: &["oid_length_not_minimal"],
    },
    Group {
        why: "Heimdal does not say which version it refuses",
        instead: Reject("Malformed"),
        cases: &["pvno_4", "msg_type_15", "ticket_version_4"],
    },
    Group {
        why: "Heimdal does not compare authenticator-vno; RFC 4120 5.5.1 has 5",
        instead: Accept,
        cases: &["authenticator_version_4"],
    },
    Group {
        why: "libraries stop reading at the end of the inner element; rule 1 refuses what follows it",
        instead: Accept,
        cases: &[
            "ticket_part_with_octet_after",
            "authenticator_with_octet_after",
        ],
    },
    Group {
        why: "Heimdal does not decode a NUL in a name; rule 2 keeps bytes",
        instead: Reject("Malformed"),
        cases: &["client_nul_in_component"],
    },
    Group {
        why: "Heimdal goes on counting sequence numbers above 2^31 in another way than the client",
        instead: Accept,
        cases: &["sequence_negative", "sequence_above_int32"],
    },
    Group {
        why: "Heimdal tries one key of the etype; rule 4 tries the others too",
        instead: Reject("BadIntegrity"),
        cases: &["key_old_kvno_absent"],
    },
    Group {
        why: "libraries do not compare the client's target; rule 5 does",
        instead: Accept,
        cases: &["only_http_client_target_other"],
    },
    Group {
        why: "Heimdal decrypts by the session key's etype alone; RFC 4120 5.2.9 has the etype say how",
        instead: Accept,
        cases: &["authenticator_names_another_etype"],
    },
    Group {
        why: "Heimdal says of an authenticator that does not decrypt what it says of a ticket",
        instead: Refuse,
        cases: &[
            "authenticator_in_another_key",
            "authenticator_in_the_service_key",
            "authenticator_key_usage_7",
        ],
    },
    Group {
        why: "Heimdal does not say what is too short",
        instead: Refuse,
        cases: &["ticket_shorter_than_its_tag"],
    },
    Group {
        why: "Heimdal calls an invalid ticket one that is not yet valid",
        instead: Reject("NotYetValid"),
        cases: &["flag_invalid"],
    },
    Group {
        why: "libraries do not compare the peer's address, so a step that gives it is refused",
        instead: Misuse,
        cases: &[
            "address_is_the_peers",
            "address_is_not_the_peers",
            "address_list_of_one_netbios_name",
            "address_list_empty",
        ],
    },
    Group {
        why: "libraries leave unknown authorization data to the application; rule 9 follows RFC 4120 5.2.6",
        instead: Accept,
        cases: &[
            "authdata_unknown_in_ticket",
            "authdata_unknown_beside_if_relevant",
        ],
    },
    Group {
        why: "no libgssapi accepts user-to-user, so nothing is awaited under its identifier",
        instead: Reject("Malformed"),
        cases: &["frame_u2u_oid_and_use_session_key"],
    },
    Group {
        why: "Heimdal grants replay and sequence detection to who has not asked",
        instead: Accept,
        cases: &["no_checksum_mutual_by_option", "no_checksum"],
    },
    Group {
        why: "Heimdal takes the first of the offered types that it has, also a weaker one",
        instead: Accept,
        cases: &["etypes_offered_include_own", "etypes_offered_worse"],
    },
    Group {
        why: "Heimdal calls any checksum that it cannot read one of other bindings",
        instead: Accept,
        cases: &[
            "extension_header_truncated",
            "extension_data_truncated",
            "extension_length_max",
            "checksum_type_0",
        ],
    },
    Group {
        why: "Heimdal calls any checksum that it cannot read one of other bindings",
        instead: Reject("Malformed"),
        cases: &["delegation_does_not_parse"],
    },
    Group {
        why: "Heimdal rejects a client whose credentials it cannot read, and does not say that it is for these",
        instead: Refuse,
        cases: &[
            "delegation_does_not_parse_but_required",
            "delegated_pvno_4",
            "delegated_message_type_21",
            "delegated_plain_cut",
            "delegated_sealed_cut",
            "delegated_sealed_to_nothing",
            "delegated_usage_11",
            "delegated_under_service_key",
            "delegated_under_strangers_key",
            "delegated_sealed_as_plain",
            "delegated_plain_as_sealed",
        ],
    },
    Group {
        why: "Heimdal goes by the key's etype; rule 15 holds the message to its own",
        instead: Accept,
        cases: &["delegated_sealed_as_another_etype"],
    },
    Group {
        why: "libraries stop reading at the end of the inner element; rule 1 refuses what follows it",
        instead: Accept,
        cases: &[
            "delegated_with_octet_after",
            "delegated_plain_with_octet_after",
            "delegated_sealed_with_octet_after",
        ],
    },
    Group {
        why: "the library does not tell the flag alone, or no ticket at all, from nothing",
        instead: Refuse,
        cases: &[
            "delegation_flag_alone_but_required",
            "delegated_nothing_at_all",
        ],
    },
    Group {
        why: "libraries take an unkeyed checksum of no data; rule 16 asks for a keyed one",
        instead: Accept,
        cases: &["unkeyed_checksum_md5"],
    },
    Group {
        why: "Heimdal takes an unkeyed checksum of no data; rule 16 asks for a keyed one",
        instead: Accept,
        cases: &["unkeyed_checksum_crc32"],
    },
    Group {
        why: "Heimdal calls any checksum that it cannot read one of other bindings",
        instead: Reject("BadChecksum"),
        cases: &["checksum_type_unknown"],
    },
    Group {
        why: "it cannot be told whether bindings were sent",
        instead: RefusedAtBuild,
        cases: &[
            "bindings_right",
            "bindings_wrong",
            "bindings_absent",
            "bindings_of_jgss",
            "bindings_with_addresses",
            "bindings_one_bit_off",
            "bindings_of_nothing",
            "require_bindings_right",
            "require_bindings_wrong",
            "require_bindings_absent",
            "require_no_checksum",
            "require_keyed_checksum",
            "when_sent_no_checksum",
            "any_present_bindings_other",
            "any_present_bindings_absent",
            "cbt_and_right",
            "cbt_and_wrong",
            "cbt_and_absent",
            "cbt_bare_and_absent",
            "cbt_in_the_ticket_and_absent",
            "cbt_no_checksum",
            "ap_options_other_bit",
            "ap_options_cbt_big_endian_is_another_bit",
            "ap_options_twice",
            "ap_options_in_two_containers",
            "ap_options_of_3_octets",
            "ap_options_of_5_octets",
            "ap_options_empty",
        ],
    },
    Group {
        why: "Heimdal names all of its mechanisms in its hints",
        instead: Continue,
        cases: &["empty_token"],
    },
    Group {
        why: "libraries refuse a [3] that is no mechListMIC; rule 28 reads NegTokenInit2 too",
        instead: Reject("Malformed"),
        cases: &["init2_with_hints", "init2_with_hints_and_req_flags"],
    },
    Group {
        why: "the library finds no mechanism in it that it negotiates",
        instead: Reject("BadMechanism"),
        cases: &["spnego_inside_spnego"],
    },
    Group {
        why: "inside of SPNEGO, Heimdal takes its own identifier alone",
        instead: Reject("BadMechanism"),
        cases: &["ms_krb5_outside_and_inside"],
    },
    Group {
        why: "Heimdal asks for an optimistic token; rule 29 does without",
        instead: Reject("BadMechanism"),
        cases: &["unknown_then_krb5", "fifty_unknown_then_krb5"],
    },
    Group {
        why: "Heimdal does not say request-mic",
        instead: Continue,
        cases: &[
            "unknown_then_krb5_with_token",
            "negoex_then_krb5",
            "ntlm_then_krb5",
        ],
    },
    Group {
        why: "Heimdal calls it a malformed token",
        instead: Reject("Malformed"),
        cases: &[
            "mic_in_first_token_over_another_list",
            "mic_in_first_token_garbage",
        ],
    },
    Group {
        why: "Heimdal asks for the next mechanism, which ends it here without the reason",
        instead: Reject("BadMechanism"),
        cases: &["krb5_fails_ntlm_next"],
    },
    Group {
        why: "Heimdal asks for the next mechanism, which ends it here without the reason",
        instead: Reject("Malformed"),
        cases: &["krb5_fails_krb5_next"],
    },
];
