//! Forged tokens that MIT krb5 1.20 does not treat as is due: what happens instead, and why.

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
        why: "MIT frames its AP-REP under the identifier that the client used",
        instead: Accept,
        cases: &["frame_ms_krb5", "frame_old_krb5"],
    },
    Group {
        why: "libraries read one octet of length there; lengths that are not minimal pass everywhere here",
        instead: Reject("Malformed"),
        cases: &["oid_length_not_minimal"],
    },
    Group {
        why: "MIT does not say which version it refuses",
        instead: Reject("Malformed"),
        cases: &["pvno_4", "ticket_version_4", "authenticator_version_4"],
    },
    Group {
        why: "MIT does not compare msg-type inside an AP-REQ; RFC 4120 5.5.1 has 14",
        instead: Accept,
        cases: &["msg_type_15"],
    },
    Group {
        why: "MIT tells a ticket that decrypts to no ticket as one that does not decrypt",
        instead: Reject("BadIntegrity"),
        cases: &["ticket_part_is_no_der"],
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
        why: "MIT reads kvno as int32; rule 3 reads modulo 2^32",
        instead: Reject("Malformed"),
        cases: &["kvno_above_int32"],
    },
    Group {
        why: "MIT tries all keys of the principal; rule 4 goes by the ticket's kvno where the keytab has it",
        instead: Accept,
        cases: &["key_old_kvno_new"],
    },
    Group {
        why: "libraries do not compare the client's target; rule 5 does",
        instead: Accept,
        cases: &["only_http_client_target_other"],
    },
    Group {
        why: "libraries fail when they use such a subkey; rule 7 checks it when it arrives",
        instead: Accept,
        cases: &["subkey_too_short", "subkey_empty"],
    },
    Group {
        why: "MIT counts a lifetime of more than 2^31 s as none",
        instead: Reject("Expired"),
        cases: &["good_until_2100"],
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
        why: "MIT does not say what is wrong with the checksum",
        instead: Reject("Malformed"),
        cases: &[
            "bindings_length_15",
            "bindings_length_17",
            "bindings_length_0",
            "bindings_length_big_endian",
            "bindings_length_max",
            "extension_header_truncated",
            "extension_data_truncated",
            "extension_length_max",
            "delegation_option_2",
            "delegation_length_beyond_the_end",
            "delegation_length_one_too_long",
        ],
    },
    Group {
        why: "libraries reject a credential that does not parse; rule 15 only where delegation is required",
        instead: Reject("Malformed"),
        cases: &["delegation_does_not_parse"],
    },
    Group {
        why: "MIT rejects a client whose credentials it cannot read, and does not say that it is for these",
        instead: Reject("Malformed"),
        cases: &[
            "delegation_does_not_parse_but_required",
            "delegated_nothing_at_all",
            "delegated_pvno_4",
            "delegated_plain_cut",
            "delegated_sealed_cut",
            "delegated_sealed_to_nothing",
            "delegated_usage_11",
            "delegated_under_service_key",
            "delegated_under_strangers_key",
            "delegated_sealed_as_another_etype",
            "delegated_sealed_as_plain",
        ],
    },
    Group {
        why: "libraries stop reading at the end of the inner element, and MIT reads no msg-type",
        instead: Accept,
        cases: &[
            "delegated_message_type_21",
            "delegated_with_octet_after",
            "delegated_plain_with_octet_after",
            "delegated_sealed_with_octet_after",
        ],
    },
    Group {
        why: "MIT reads as plain what does not decrypt; rule 15 only what says etype 0",
        instead: Accept,
        cases: &["delegated_plain_as_sealed"],
    },
    Group {
        why: "MIT keeps the first of the tickets and drops the others",
        instead: Accept,
        cases: &[
            "delegated_nine_tickets",
            "delegated_second_ticket_of_another",
        ],
    },
    Group {
        why: "the library does not tell the flag alone from nothing",
        instead: Refuse,
        cases: &["delegation_flag_alone_but_required"],
    },
    Group {
        why: "libraries take an unkeyed checksum of no data; rule 16 asks for a keyed one",
        instead: Accept,
        cases: &["unkeyed_checksum_md5"],
    },
    Group {
        why: "MIT does not tell a wrong type from a wrong checksum",
        instead: Reject("BadChecksum"),
        cases: &[
            "unkeyed_checksum_crc32",
            "checksum_type_unknown",
            "checksum_type_0",
        ],
    },
    Group {
        why: "the library does not tell which other channel the bindings are of",
        instead: Refuse,
        cases: &["bindings_of_jgss"],
    },
    Group {
        why: "it cannot be told whether bindings were sent",
        instead: RefusedAtBuild,
        cases: &["any_present_bindings_other", "any_present_bindings_absent"],
    },
    Group {
        why: "MIT says of bindings that were promised and are absent that they do not match",
        instead: Reject("ChannelBindingMismatch"),
        cases: &["cbt_and_absent", "cbt_bare_and_absent", "cbt_no_checksum"],
    },
    Group {
        why: "MIT ends, with a KRB-ERROR where mutual authentication was asked for; rule 21 lets the client try once more",
        instead: Reject("ClockSkew"),
        cases: &["skew_told_to_the_client", "skew_told_without_mutual"],
    },
    Group {
        why: "MIT ends, with a KRB-ERROR where mutual authentication was asked for; rule 21 lets the client try once more",
        instead: Reject("NotYetValid"),
        cases: &["not_yet_valid_told_to_the_client"],
    },
    Group {
        why: "MIT names Kerberos once in its hints",
        instead: Continue,
        cases: &["empty_token"],
    },
    Group {
        why: "MIT takes reqFlags only with one unused bit; rule 28 takes any",
        instead: Reject("Malformed"),
        cases: &["req_flags"],
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
        why: "inside of SPNEGO, MIT takes its own identifier alone",
        instead: Reject("BadMechanism"),
        cases: &["ms_krb5_outside_and_inside"],
    },
    Group {
        why: "the library does not say that the token is NTLM",
        instead: Reject("BadMechanism"),
        cases: &["ntlm_token_for_krb5"],
    },
    Group {
        why: "MIT leaves out the name of the mechanism there",
        instead: Accept,
        cases: &["mic_in_first_token"],
    },
    Group {
        why: "MIT calls it a malformed token",
        instead: Reject("Malformed"),
        cases: &["mic_in_first_token_garbage"],
    },
];
