//! Where MIT krb5 1.20 or Heimdal 7.8 do otherwise than what is due, what they do, and why we do
//! as we do. `tests/verdicts.rs` holds this list to be exactly what is observed.

use crate::judge::Outcome::{self, Accept, Continue, Reject};

/// Case, what MIT does, what Heimdal does, why it is not what is due.
type Difference = (&'static str, Outcome, Outcome, &'static str);

const OLD_OIDS: &str =
    "with a default credential, libraries take no token framed under these OIDs; rule 1 does";
const UNFRAMED: &str = "Heimdal takes an AP-REQ without a frame; rule 1 keeps that to DCE style";
const TRAILING: &str =
    "libraries stop reading at the end of the inner element; rule 1 refuses what follows it";
const TAIL: &str = "libraries pass over whatever follows the fields that they await, known ones too; rule 1 only over new ones";
const TOKEN_ID: &str =
    "MIT awaits another token, without a reply; rule 1 answers KRB-ERROR 40 and ends";
const ONE_KEY: &str = "Heimdal tries one key of the etype; rule 4 tries the others too";
const ANY_NAME: &str = "libraries try any key when no name is asked for; rule 4 does only if the configuration says so";
const RC4: &str = "these versions permit RC4 by default; rule 7 only by name";
const SUBKEY_LENGTH: &str =
    "libraries fail when they use such a subkey; rule 7 checks it when it arrives";
const WRONG_TIME: &str = "Heimdal answers KRB-ERROR and awaits another AP-REQ whenever the time is wrong; rule 21 only with EXTENDED_ERROR";
const AUTHDATA: &str =
    "libraries leave unknown authorization data to the application; rule 9 follows RFC 4120 5.2.6";
const ANONYMOUS: &str =
    "libraries let anonymous clients in under their name; rule 9 asks for ALLOW_NULL_SESSION";
const NOT_REQUIRED: &str = "GSS acceptors cannot require delegation; a Requirement here";
const KEPT: &str = "libraries keep what decodes; rule 15 asks for the client's own ticket-granting ticket, of use now";
const EXTENSIONS: &str = "Heimdal does not read extensions; rule 15 refuses truncated ones";
const UNKEYED: &str = "Heimdal takes an unkeyed checksum of no data; rule 16 asks for a keyed one";
const REQUIRE_BINDINGS: &str = "GSS acceptors cannot require bindings; rule 17's policies do";
const CBT: &str = "Heimdal 7.8 does not read KERB_AP_OPTIONS_CBT; rule 17 does";
const AP_OPTIONS: &str =
    "Heimdal 7.8 does not read AD-AP-OPTIONS; rule 17 holds it to one of 4 octets";
const RETRY: &str = "MIT ends, with a KRB-ERROR where mutual authentication was asked for; rule 21 lets the client try once more";
const INIT2: &str =
    "libraries refuse a [3] that is no mechListMIC; rule 28 reads NegTokenInit2 too";
const NO_TOKEN: &str = "Heimdal asks for an optimistic token; rule 29 does without";
const NEXT_MECHANISM: &str = "Heimdal goes on with the next mechanism; rule 32 ends the exchange";

pub(super) const DIFFERENCES: &[Difference] = &[
    ("frame_ms_krb5", Reject, Reject, OLD_OIDS),
    ("frame_old_krb5", Reject, Reject, OLD_OIDS),
    ("ms_krb5_outside_and_inside", Reject, Reject, OLD_OIDS),
    ("bare_without_dce", Reject, Accept, UNFRAMED),
    ("spnego_inner_token_bare", Reject, Accept, UNFRAMED),
    (
        "framed_with_dce",
        Reject,
        Continue,
        "Heimdal goes on to DCE style's third leg; rule 1 has DCE style unframed",
    ),
    ("octet_after_message", Accept, Accept, TRAILING),
    ("ticket_part_with_octet_after", Accept, Accept, TRAILING),
    ("authenticator_with_octet_after", Accept, Accept, TRAILING),
    ("spnego_octet_inside_frame", Accept, Accept, TRAILING),
    (
        "oid_length_not_minimal",
        Reject,
        Reject,
        "libraries read one octet of length there; lengths that are not minimal pass everywhere here",
    ),
    ("ticket_addresses_after_authdata", Accept, Accept, TAIL),
    ("ticket_authdata_twice", Accept, Accept, TAIL),
    ("client_subkey_after_sequence", Accept, Accept, TAIL),
    ("client_sequence_twice", Accept, Accept, TAIL),
    ("ap_req_authenticator_twice", Accept, Accept, TAIL),
    ("token_id_ap_rep", Continue, Reject, TOKEN_ID),
    ("token_id_error", Continue, Reject, TOKEN_ID),
    ("token_id_wrap", Continue, Reject, TOKEN_ID),
    ("token_id_big_endian", Continue, Reject, TOKEN_ID),
    ("token_id_missing", Continue, Reject, TOKEN_ID),
    ("tgt_request_under_krb5", Continue, Reject, TOKEN_ID),
    (
        "msg_type_15",
        Accept,
        Reject,
        "MIT does not compare msg-type inside an AP-REQ; RFC 4120 5.5.1 has 14",
    ),
    (
        "authenticator_version_4",
        Reject,
        Accept,
        "Heimdal does not compare authenticator-vno; RFC 4120 5.5.1 has 5",
    ),
    (
        "ticket_of_70_kib",
        Accept,
        Accept,
        "libraries have no limit of their own; rule 1 has 64 KiB by default",
    ),
    (
        "client_nul_in_component",
        Accept,
        Reject,
        "Heimdal does not decode a NUL in a name; rule 2 keeps bytes",
    ),
    (
        "kvno_above_int32",
        Reject,
        Accept,
        "MIT reads kvno as int32; rule 3 reads modulo 2^32",
    ),
    (
        "key_old_kvno_new",
        Accept,
        Reject,
        "MIT tries all keys of the principal; rule 4 goes by the ticket's kvno where the keytab has it",
    ),
    ("key_old_kvno_absent", Accept, Reject, ONE_KEY),
    ("name_is_an_alias", Accept, Accept, ANY_NAME),
    ("realm_is_another", Accept, Accept, ANY_NAME),
    ("name_joined_into_one_component", Accept, Accept, ANY_NAME),
    (
        "only_http_client_target_other",
        Accept,
        Accept,
        "libraries do not compare the client's target; rule 5 does",
    ),
    ("ticket_rc4", Accept, Accept, RC4),
    ("session_rc4", Accept, Accept, RC4),
    ("subkey_rc4", Accept, Accept, RC4),
    ("all_rc4", Accept, Accept, RC4),
    (
        "subkey_des3",
        Accept,
        Accept,
        "MIT permits 3DES by default, Heimdal does not hold the subkey to a list; rule 7 does, without 3DES",
    ),
    (
        "subkey_des",
        Reject,
        Accept,
        "Heimdal does not hold the subkey to its list; rule 7 does",
    ),
    ("subkey_too_short", Accept, Accept, SUBKEY_LENGTH),
    ("subkey_empty", Accept, Accept, SUBKEY_LENGTH),
    (
        "authenticator_names_another_etype",
        Reject,
        Accept,
        "Heimdal decrypts by the session key's etype alone; RFC 4120 5.2.9 has the etype say how",
    ),
    ("starts_in_10_minutes", Reject, Continue, WRONG_TIME),
    (
        "no_start_authenticated_in_10_minutes",
        Reject,
        Continue,
        WRONG_TIME,
    ),
    ("flag_invalid", Reject, Continue, WRONG_TIME),
    ("clock_6_minutes_slow", Reject, Continue, WRONG_TIME),
    ("clock_6_minutes_fast", Reject, Continue, WRONG_TIME),
    ("clock_a_year_slow", Reject, Continue, WRONG_TIME),
    ("clock_at_the_epoch", Reject, Continue, WRONG_TIME),
    (
        "address_is_not_the_peers",
        Accept,
        Accept,
        "GSS acceptors are not given the peer's address; rule 9 compares it when it is given",
    ),
    ("authdata_unknown_in_ticket", Accept, Accept, AUTHDATA),
    (
        "authdata_unknown_beside_if_relevant",
        Accept,
        Accept,
        AUTHDATA,
    ),
    ("anonymous", Accept, Accept, ANONYMOUS),
    ("anonymous_flag_alone", Accept, Accept, ANONYMOUS),
    ("anonymous_name_alone", Accept, Accept, ANONYMOUS),
    (
        "same_token_twice",
        Reject,
        Accept,
        "Heimdal's GSS acceptor has no replay cache; rule 12 does",
    ),
    (
        "use_session_key",
        Accept,
        Reject,
        "MIT takes a service key's ticket despite USE-SESSION-KEY; rule 13 asks for a TGT credential",
    ),
    (
        "delegation_does_not_parse",
        Reject,
        Reject,
        "libraries reject a credential that does not parse; rule 15 only where delegation is required",
    ),
    (
        "delegation_absent_but_required",
        Accept,
        Accept,
        NOT_REQUIRED,
    ),
    (
        "delegation_absent_forwardable",
        Accept,
        Accept,
        NOT_REQUIRED,
    ),
    (
        "delegation_absent_ok_as_delegate",
        Accept,
        Accept,
        NOT_REQUIRED,
    ),
    (
        "delegation_absent_without_checksum",
        Accept,
        Accept,
        NOT_REQUIRED,
    ),
    (
        "delegation_flag_alone_but_required",
        Accept,
        Accept,
        NOT_REQUIRED,
    ),
    ("delegated_field_without_flag", Accept, Accept, NOT_REQUIRED),
    (
        "delegated_nothing_at_all",
        Reject,
        Accept,
        "Heimdal takes an empty field for none; here it is one that does not parse",
    ),
    (
        "delegated_message_type_21",
        Accept,
        Reject,
        "MIT does not read the message type there; RFC 4120 5.8.1 has it 22",
    ),
    ("delegated_with_octet_after", Accept, Accept, TRAILING),
    ("delegated_plain_with_octet_after", Accept, Accept, TRAILING),
    (
        "delegated_sealed_with_octet_after",
        Accept,
        Accept,
        TRAILING,
    ),
    (
        "delegated_sealed_as_another_etype",
        Reject,
        Accept,
        "Heimdal goes by the key's etype; here the message's own must be it",
    ),
    (
        "delegated_plain_as_sealed",
        Accept,
        Reject,
        "MIT reads as plain what does not decrypt; rule 15 only what says etype 0",
    ),
    (
        "delegated_nine_tickets",
        Accept,
        Accept,
        "libraries keep any number; here eight are the most",
    ),
    ("delegated_another_client", Accept, Accept, KEPT),
    ("delegated_another_realm", Accept, Accept, KEPT),
    ("delegated_second_ticket_of_another", Accept, Accept, KEPT),
    ("delegated_expired", Accept, Accept, KEPT),
    ("delegated_ends_now", Accept, Accept, KEPT),
    ("delegated_without_end", Accept, Accept, KEPT),
    ("delegated_not_yet_valid", Accept, Accept, KEPT),
    ("delegated_invalid", Accept, Accept, KEPT),
    ("delegated_no_ticket_granting_ticket", Accept, Accept, KEPT),
    ("delegated_key_of_31_octets", Accept, Accept, KEPT),
    ("delegated_key_empty", Accept, Accept, KEPT),
    ("extension_header_truncated", Reject, Accept, EXTENSIONS),
    ("extension_data_truncated", Reject, Accept, EXTENSIONS),
    ("extension_length_max", Reject, Accept, EXTENSIONS),
    (
        "unkeyed_checksum_md5",
        Accept,
        Accept,
        "libraries take an unkeyed checksum of no data; rule 16 asks for a keyed one",
    ),
    ("unkeyed_checksum_crc32", Reject, Accept, UNKEYED),
    ("checksum_type_0", Reject, Accept, UNKEYED),
    ("require_bindings_absent", Accept, Accept, REQUIRE_BINDINGS),
    ("require_no_checksum", Accept, Accept, REQUIRE_BINDINGS),
    ("require_keyed_checksum", Accept, Accept, REQUIRE_BINDINGS),
    (
        "any_present_bindings_absent",
        Accept,
        Accept,
        REQUIRE_BINDINGS,
    ),
    ("cbt_and_absent", Reject, Accept, CBT),
    ("cbt_bare_and_absent", Reject, Accept, CBT),
    ("cbt_no_checksum", Reject, Accept, CBT),
    ("ap_options_twice", Reject, Accept, AP_OPTIONS),
    ("ap_options_in_two_containers", Reject, Accept, AP_OPTIONS),
    ("ap_options_of_3_octets", Reject, Accept, AP_OPTIONS),
    ("ap_options_of_5_octets", Reject, Accept, AP_OPTIONS),
    ("ap_options_empty", Reject, Accept, AP_OPTIONS),
    ("skew_told_to_the_client", Reject, Continue, RETRY),
    ("skew_told_without_mutual", Reject, Continue, RETRY),
    ("not_yet_valid_told_to_the_client", Reject, Continue, RETRY),
    (
        "req_flags",
        Reject,
        Accept,
        "MIT takes reqFlags only with one unused bit; rule 28 takes any",
    ),
    ("init2_with_hints", Reject, Reject, INIT2),
    ("init2_with_hints_and_req_flags", Reject, Reject, INIT2),
    (
        "spnego_inside_spnego",
        Reject,
        Accept,
        "Heimdal negotiates again inside; rule 28 has one negotiation",
    ),
    ("unknown_then_krb5", Continue, Reject, NO_TOKEN),
    ("fifty_unknown_then_krb5", Continue, Reject, NO_TOKEN),
    ("ntlm_token_for_krb5", Reject, Continue, NEXT_MECHANISM),
    ("krb5_fails_ntlm_next", Reject, Continue, NEXT_MECHANISM),
    ("krb5_fails_krb5_next", Reject, Continue, NEXT_MECHANISM),
];
